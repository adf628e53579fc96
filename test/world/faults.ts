import type { ActorId } from '../../lib/model/ids.ts'
import { PlatformFault } from '../../lib/ports/platform-fault.ts'

/** The parts of the world that can fail. */
export type PortName = 'mailbox' | 'turn-log' | 'row-store' | 'blobs' | 'wake-ups' | 'schedule'

/** One request that a process makes of the world: what it is about is for messages, and for faults that aim. */
export interface Operation {
  readonly port: PortName
  /** As the request that AWS sees: a call of a port may be several of them. */
  readonly name: string
  /** Whose log or head it is, or who is sent to; of a batch, the first. */
  readonly actor?: ActorId
  /** A sort key, row key or blob name. */
  readonly subject?: string
  /** How many entries a batch has. */
  readonly entries?: number
}

/** What becomes of one entry of a batch that as a whole went well. */
export type EntryFate =
  | 'done'
  /** Nothing happened, and the caller is told that it failed. */
  | 'refused'
  /** It happened, and the caller is told that it failed. */
  | 'lost'

/**
 * The hook through which faults enter: one for each simulated process, asked around every request it makes. Between
 * `before` and `after` the request takes effect, at once and whole.
 *
 * Either may resolve later (the request or its answer is slow: others come in between), never (the process died; the
 * request takes effect only if `before` resolved), or reject with a {@link PlatformFault} or {@link Crash}.
 */
export interface Faults {
  /** What it rejects with comes of a request that had no effect. */
  before(operation: Operation): Promise<void>
  /** What it rejects with comes of a request that did have its effect. {@link Repeated} has it sent once more. */
  after(operation: Operation): Promise<void>
  /** Asked for each entry of a batch, between `before` and `after`. */
  entry(operation: Operation, index: number): EntryFate
}

export const NO_FAULTS: Faults = {
  before: () => Promise.resolve(),
  after: () => Promise.resolve(),
  entry: () => 'done',
}

/** Too many requests: nothing happened. Thrown by `before`. */
export class Throttled extends PlatformFault {
  override readonly name: string = 'Throttled'
  constructor(operation: Operation) {
    super(`injected: ${describeOperation(operation)} was throttled`)
  }
}

/** It happened, and the answer did not come. Thrown by `after`. */
export class LostAnswer extends PlatformFault {
  override readonly name: string = 'LostAnswer'
  constructor(operation: Operation) {
    super(`injected: the answer to ${describeOperation(operation)} was lost`)
  }
}

/**
 * The answer was lost, and the client library sends the request again by itself: the caller sees the answer to the
 * second, such as that his own entry is there already. Thrown by `after`.
 */
export class Repeated extends Error {
  override readonly name = 'Repeated'
}

/**
 * The process died. Code that catches everything would catch this as well and live on: a hook that threw it must throw
 * it at every later request, or better never resolve.
 */
export class Crash extends Error {
  override readonly name = 'Crash'
  constructor(operation: Operation) {
    super(`injected: the process died at ${describeOperation(operation)}`)
  }
}

export function describeOperation(operation: Operation): string {
  const { port, name, actor, subject } = operation
  return [`${port}.${name}`, actor, subject].filter((part) => part !== undefined).join(' ')
}

/** Carries out one request, with what faults there are. `apply` is the effect, and gives the answer. */
export async function perform<T>(faults: Faults, operation: Operation, apply: () => T): Promise<T> {
  await faults.before(operation)
  const answer = apply()
  try {
    await faults.after(operation)
  } catch (error) {
    if (error instanceof Repeated) return perform(faults, operation, apply)
    throw error
  }
  return answer
}
