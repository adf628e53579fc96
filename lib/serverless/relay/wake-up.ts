import type { ActorId } from '../../model/ids.ts'

/** Who is to be woken, and when, in epoch milliseconds: what a message of the wake-up queue says. */
export interface WakeUp {
  readonly actor: ActorId
  readonly atMs: number
}

/** In ASCII: not every character of an actor's name may be in a message. */
export function encodeWakeUp({ actor, atMs }: WakeUp): string {
  return JSON.stringify({ actor, atMs }).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Undefined: it is no wake-up, and never will be. */
export function decodeWakeUp(text: string): WakeUp | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { actor, atMs } = (value ?? {}) as { actor?: unknown; atMs?: unknown }
  return typeof actor === 'string' && typeof atMs === 'number' ? { actor: actor as ActorId, atMs } : undefined
}
