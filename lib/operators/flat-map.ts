import { AbstractOperator } from './abstract-operator.ts'
import type { OperatorContext } from './operator.ts'

/** Any number of records out for each record in, all with its timestamp, in the order of the iterable. */
export class FlatMapOperator extends AbstractOperator {
  private readonly fn: (value: unknown) => Iterable<unknown>

  constructor(context: OperatorContext, fn: (value: unknown) => Iterable<unknown>) {
    super(context)
    this.fn = fn
  }

  record(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsIn++
    try {
      const results = this.synchronous(this.fn(value))
      if (Array.isArray(results)) {
        for (let i = 0; i < results.length; i++) this.emit(results[i], timestampMs)
      } else {
        for (const result of results) this.emit(result, timestampMs)
      }
    } catch (cause) {
      throw this.faultAt(value, timestampMs, cause)
    }
  }
}
