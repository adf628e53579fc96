import { NO_TIMESTAMP } from '../model/elements.ts'
import type { CalledStage } from '../model/faults.ts'
import { LIMITS } from '../model/limits.ts'
import type { PoisonRecord } from '../model/poison-records.ts'
import type { OperatorMetrics, Receiver } from '../operators/operator.ts'
import { hashOfRecord } from '../state/record-identity.ts'
import type { DeadLetter } from '../stream/source.ts'

/** Whose records a guard looks at, and where it puts those that are poison. */
export interface GuardedPlace {
  readonly operatorUid: string
  /** What it stands before. */
  readonly called: CalledStage
  /** Undefined: nobody takes the operator's dead letters, and nothing is kept from it. */
  letters(): Receiver | undefined
  /** Of the operator. */
  metrics(): OperatorMetrics
}

/**
 * Stands before a user's function that is known to throw at some records: sends those to the operator's dead letters, and
 * passes on all others. It is there only where there is such a record: elsewhere nothing is hashed.
 */
export class PoisonGuard implements Receiver {
  private readonly next: Receiver
  private readonly place: GuardedPlace
  private readonly poison: ReadonlyMap<string, PoisonRecord>

  constructor(next: Receiver, place: GuardedPlace, poison: readonly PoisonRecord[]) {
    this.next = next
    this.place = place
    this.poison = new Map(poison.map((one) => [one.hash, one]))
  }

  record(value: unknown, timestampMs: number): void {
    const { operatorUid, called } = this.place
    const hash = hashOfRecord(operatorUid, { ...called, timestampMs, value })
    const poison = hash === undefined ? undefined : this.poison.get(hash)
    const letters = poison && this.place.letters()
    if (poison === undefined || letters === undefined) this.next.record(value, timestampMs)
    else this.setAside(poison, letters, value)
  }

  watermark(timestampMs: number): void {
    this.next.watermark(timestampMs)
  }

  status(idle: boolean): void {
    this.next.status(idle)
  }

  private setAside({ reason, position }: PoisonRecord, letters: Receiver, value: unknown): void {
    const { operatorUid, called } = this.place
    const metrics = this.place.metrics()
    if (called.stage === 'operator') metrics.numRecordsIn++
    metrics.numDeadLetters++
    const letter: DeadLetter = {
      operatorUid,
      position: position ?? 'unknown',
      reason,
      raw: textOf(value).slice(0, LIMITS.deadLetterChars),
    }
    letters.record(letter, NO_TIMESTAMP)
  }
}

/** Text as it is; all else as JSON, with what JSON lacks in the nearest form that it has. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`
    if (part instanceof Map || part instanceof Set) return [...part]
    return part
  }) as string | undefined
  return text ?? 'undefined'
}
