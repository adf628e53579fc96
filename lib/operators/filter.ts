import { AbstractOperator } from './abstract-operator.ts'
import type { OperatorContext } from './operator.ts'

/** Passes the records for which the predicate holds. */
export class FilterOperator extends AbstractOperator {
  private readonly predicate: (value: unknown) => boolean

  constructor(context: OperatorContext, predicate: (value: unknown) => boolean) {
    super(context)
    this.predicate = predicate
  }

  record(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsIn++
    let passes: boolean
    try {
      passes = this.synchronous(this.predicate(value))
    } catch (cause) {
      throw this.faultAt(value, timestampMs, cause)
    }
    if (passes) this.emit(value, timestampMs)
  }
}
