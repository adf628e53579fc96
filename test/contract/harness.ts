import { afterEach } from 'vitest'
import { assert } from '../../lib/model/faults.ts'

/** What an implementation under test has around it. */
export interface Harness {
  /** After the test that opened it. */
  close?(): Promise<void>
}

/** What cannot be shown of an implementation, each with the reason: cases that need it are left out. */
export type Gaps<Capability extends string> = { readonly [capability in Capability]?: string }

/** For the title of a suite: what it leaves out. */
export function notShown<Capability extends string>(gaps: Gaps<Capability>): string {
  const reasons = Object.entries(gaps).map(([capability, reason]) => `${capability}: ${String(reason)}`)
  return reasons.length === 0 ? '' : ` (not shown: ${reasons.join('; ')})`
}

/** Opens harnesses, and closes each after the test that opened it. To be called in a `describe`. */
export function opener<H extends Harness>(open: () => Promise<H>): () => Promise<H> {
  const opened: H[] = []
  afterEach(async () => {
    for (const harness of opened.splice(0)) await harness.close?.()
  })
  return async () => {
    const harness = await open()
    opened.push(harness)
    return harness
  }
}

/** A member of a harness that only a capability asks for: a harness without that gap has it. */
export function has<T>(member: T | undefined, capability: string): T {
  assert(member !== undefined, `a harness without the gap ${capability} has what it takes`)
  return member
}

/** Bytes that differ by `seed`, of all values. */
export function someBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++)
    bytes[index] = (index * 31 + (index >> 8) * 7 + seed * 101) & 255
  return bytes
}

/** Of a size at which comparing them as arrays would take long. */
export const sameBytes = (a: Uint8Array | undefined, b: Uint8Array): boolean =>
  a !== undefined && Buffer.compare(a, b) === 0
