import { AbstractOperator } from './abstract-operator.ts'
import type { OperatorContext } from './operator.ts'

/** One record out for each record in, with its timestamp. */
export class MapOperator extends AbstractOperator {
  private readonly fn: (value: unknown) => unknown

  constructor(context: OperatorContext, fn: (value: unknown) => unknown) {
    super(context)
    this.fn = fn
  }

  record(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsIn++
    let result: unknown
    try {
      result = this.synchronous(this.fn(value))
    } catch (cause) {
      throw this.faultAt(value, timestampMs, cause)
    }
    this.emit(result, timestampMs)
  }
}
