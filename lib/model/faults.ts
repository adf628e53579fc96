/**
 * What happens next decides the kind of a fault: *retryable* is tried again by the runtime, *fatal* fails the
 * job, *poison* marks one record that can never be processed.
 */
export type FaultKind = 'retryable' | 'fatal' | 'poison'

/**
 * A mistake that its user can mend: a wrong option, graph, file or checkpoint. Shown as its message alone,
 * never with a stack trace. Each problem says what was found, what was expected, where, and the fix.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError'
  readonly problems: readonly string[]

  constructor(problems: string | readonly string[], options?: ErrorOptions) {
    const list = typeof problems === 'string' ? [problems] : problems
    super(list.join('\n'), options)
    this.problems = list
  }
}

/** Where in a job a user function threw. */
export interface FaultOrigin {
  readonly operatorUid: string
  readonly operatorName: string
  readonly subtaskIndex: number
  /** The key being processed, as text, where the operator is keyed. */
  readonly key?: string | undefined
  /** Event time of the record in epoch milliseconds, where it has one. */
  readonly timestampMs?: number | undefined
  /** Where the record came from, as its source says: `file.txt:120`; or on which channel: `words#0, element 12, record 7`. */
  readonly position?: string | undefined
}

/** What was called with a record: the operator's own function, or the selector of the key that one edge of its output goes by. */
export type CalledStage =
  | { readonly stage: 'operator' }
  | {
      readonly stage: 'key'
      /** Of the operator that the edge leads to: with the input, it tells the edge from others, which go by other keys or by none. */
      readonly targetUid: string
      readonly inputIndex: number
    }

/** A record that a user's function threw at. It is never shown: records are nobody's but the user's. */
export type FaultyRecord = CalledStage & {
  readonly value: unknown
  /** NO_TIMESTAMP where it has none. */
  readonly timestampMs: number
}

/** A user function, source or sink threw: the job's failure, which the restart strategy answers. */
export class OperatorFault extends Error {
  override readonly name: string = 'OperatorFault'
  readonly kind: FaultKind
  readonly origin: FaultOrigin
  // Private, so that nobody who prints the fault prints the record.
  readonly #record: FaultyRecord | undefined

  constructor(origin: FaultOrigin, cause: unknown, kind: FaultKind = 'fatal', record?: FaultyRecord) {
    super(
      `${origin.operatorName} (${origin.operatorUid}), subtask ${origin.subtaskIndex}: ${messageOf(cause)}`,
      { cause },
    )
    this.origin = origin
    this.kind = kind
    this.#record = record
  }

  /** Undefined where it was not at a record that the function threw. */
  get record(): FaultyRecord | undefined {
    return this.#record
  }

  /** The same fault, with where its record came from; whoever was closer to it has said so already. */
  at(position: string): OperatorFault {
    if (this.origin.position !== undefined) return this
    return new OperatorFault({ ...this.origin, position }, this.cause, this.kind, this.#record)
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** States an invariant. A failure is a defect of Millrace, not of its user. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${message}`)
}

/** Marks a branch that the types prove unreachable. */
export function unreachable(value: never): never {
  throw new Error(`Unreachable: ${JSON.stringify(value)}`)
}
