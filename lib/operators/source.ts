import { MAX_WATERMARK, NO_TIMESTAMP } from '../model/elements.ts'
import { assert } from '../model/faults.ts'
import { LIMITS } from '../model/limits.ts'
import type { DeadLetter, ReadStatus, SourceOutput } from '../stream/source.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'
import { AbstractOperator } from './abstract-operator.ts'

/** The head of a chain without inputs: reads records from outside when told to. */
export abstract class SourceOperator extends AbstractOperator implements SourceOutput<unknown> {
  /** Emits at most `recordsMax` records; see {@link ReadStatus}. */
  abstract readNext(recordsMax: number): ReadStatus | Promise<ReadStatus>

  /** Where the record emitted last came from. */
  protected abstract position(): string | undefined

  read(recordsMax: number): ReadStatus | Promise<ReadStatus> {
    try {
      const status = this.readNext(recordsMax)
      return status instanceof Promise ? status.catch((cause: unknown) => this.failed(cause)) : status
    } catch (cause) {
      return this.failed(cause)
    }
  }

  record(_value: unknown, _timestampMs: number): void {
    assert(false, `${this.context.uid} is a source: it takes no records`)
  }

  collect(value: unknown, timestampMs: number = NO_TIMESTAMP): void {
    this.metrics.numRecordsIn++
    this.emit(value, timestampMs)
  }

  deadLetter(position: string, reason: string, raw: string, rawAt?: string): void {
    this.metrics.numDeadLetters++
    const letter: DeadLetter = {
      operatorUid: this.context.uid,
      position,
      reason,
      raw: raw.length > LIMITS.deadLetterChars ? raw.slice(0, LIMITS.deadLetterChars) : raw,
      ...(rawAt !== undefined && { rawAt }),
    }
    this.emitSide(DEAD_LETTERS_TAG, letter, NO_TIMESTAMP)
  }

  /** The last watermark: event time ends with the input. */
  override endOfInput(): void {
    this.watermark(MAX_WATERMARK)
  }

  /** Adds where the record came from to a fault of this chain. */
  private failed(cause: unknown): never {
    const fault = this.fault(cause, NO_TIMESTAMP)
    const position = this.position()
    throw position === undefined ? fault : fault.at(position)
  }
}
