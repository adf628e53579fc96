import type { OperatorMetrics } from '../../operators/operator.ts'
import type { Task } from '../../task/task.ts'
import type { JobObserver } from '../observe.ts'

/** Counts of operators that are told, by Flink's names where Flink has one. */
const COUNTS = ['numRecordsIn', 'numRecordsOut', 'numLateRecordsDropped', 'numDeadLetters'] as const

/**
 * Tells what the operators of a task have counted since it was last asked. A turn that is lost, and run again by another,
 * is told of twice: counts are for people, and state is not among them.
 */
export class TurnMetrics {
  readonly #task: Task
  readonly #told: Readonly<Record<(typeof COUNTS)[number], number>>[]

  constructor(task: Task) {
    this.#task = task
    this.#told = task.operatorStates.map(({ operator }) => countsOf(operator.metrics))
  }

  tell(observe: JobObserver, nowMs: number): void {
    for (const [index, { uid, operator }] of this.#task.operatorStates.entries()) {
      const counts = countsOf(operator.metrics)
      const told = this.#told[index]!
      for (const name of COUNTS) {
        if (counts[name] > told[name]) observe.metric(name, counts[name] - told[name], 'Count', uid)
      }
      this.#told[index] = counts
    }
    const { watermarkMs } = this.#task
    // How far the stream's time is behind, as Flink has it of sources; here of every chain.
    if (Number.isFinite(watermarkMs)) {
      observe.metric('watermarkLag', nowMs - watermarkMs, 'Milliseconds', this.#task.spec.vertex.id)
    }
  }
}

function countsOf(metrics: OperatorMetrics): Record<(typeof COUNTS)[number], number> {
  const { numRecordsIn, numRecordsOut, numLateRecordsDropped, numDeadLetters } = metrics
  return { numRecordsIn, numRecordsOut, numLateRecordsDropped, numDeadLetters }
}
