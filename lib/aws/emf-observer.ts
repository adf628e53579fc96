import type { JobHappening, JobObserver } from '../serverless/observe.ts'
import { AWS_LIMITS } from './limits.ts'

/** As the alarms look for them (infra/alarms.ts). */
const NAMESPACE = 'Millrace'

type Unit = Parameters<JobObserver['metric']>[2]

interface Series {
  readonly name: string
  readonly unit: Unit
  /** Of a count, one value: the sum. */
  values: number[]
}

export interface EmfObserverOptions {
  readonly job: string
  /** What it is deployed in: another stack may have a job of the same name. Undefined: in none. */
  readonly stack: string | undefined
  /** Takes a line for the log of the function. */
  readonly line: (text: string) => void
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * What happens to a job as lines of JSON, at once; and its metrics in the embedded metric format of CloudWatch, gathered
 * until {@link flush}, which belongs at the end of an invocation: what is in the log then is what was paid for.
 */
export class EmfObserver implements JobObserver {
  readonly #options: EmfObserverOptions
  /** By operator, `undefined` for the job; then by name. */
  readonly #gathered = new Map<string | undefined, Map<string, Series>>()

  constructor(options: EmfObserverOptions) {
    this.#options = options
  }

  event(event: JobHappening): void {
    const { job, line, now } = this.#options
    const time = new Date(now()).toISOString()
    line(JSON.stringify({ time, level: levelOf(event), job, ...event }, plainNumbers))
    this.#measure(event)
  }

  metric(name: string, value: number, unit: Unit, operator?: string): void {
    // CloudWatch takes no other numbers.
    if (!Number.isFinite(value)) return
    let ofOperator = this.#gathered.get(operator)
    if (ofOperator === undefined) this.#gathered.set(operator, (ofOperator = new Map()))
    const series = ofOperator.get(name)
    if (series === undefined) {
      if (ofOperator.size === AWS_LIMITS.emfMetrics) this.flush()
      if (this.#gathered.get(operator) === undefined) this.#gathered.set(operator, (ofOperator = new Map()))
      ofOperator.set(name, { name, unit, values: [value] })
    } else if (unit === 'Count') {
      series.values[0]! += value
    } else {
      series.values.push(value)
      if (series.values.length === AWS_LIMITS.emfValues) this.flush()
    }
  }

  /** Writes the metrics gathered so far: a line for each operator, and one for the job. */
  flush(): void {
    const { job, stack, line, now } = this.#options
    for (const [operator, ofOperator] of this.#gathered) {
      const all = [...ofOperator.values()]
      const dimensions = {
        ...(stack !== undefined && { Stack: stack }),
        Job: job,
        ...(operator !== undefined && { Operator: operator }),
      }
      line(
        JSON.stringify({
          _aws: {
            Timestamp: now(),
            CloudWatchMetrics: [
              {
                Namespace: NAMESPACE,
                Dimensions: [Object.keys(dimensions)],
                Metrics: all.map(({ name, unit }) => ({ Name: name, Unit: unit })),
              },
            ],
          },
          ...dimensions,
          ...Object.fromEntries(
            all.map(({ name, values }) => [name, values.length === 1 ? values[0] : values]),
          ),
        }),
      )
    }
    this.#gathered.clear()
  }

  /** Metrics that follow from what happened. */
  #measure(event: JobHappening): void {
    switch (event.type) {
      case 'checkpoint-completed':
        this.metric('numberOfCompletedCheckpoints', 1, 'Count')
        this.metric('lastCheckpointDuration', event.figures.durationMs, 'Milliseconds')
        this.metric('lastCheckpointSize', event.figures.bytes, 'Bytes')
        return
      case 'checkpoint-failed':
        return this.metric('numberOfFailedCheckpoints', 1, 'Count')
      case 'status':
        if (event.to === 'RESTARTING') this.metric('numRestarts', 1, 'Count')
        if (event.to === 'FAILED') this.metric('jobStatusFailed', 1, 'Count')
        // Ends the alarm: a job that FAILED publishes nothing more before it runs again.
        if (event.to === 'RUNNING') this.metric('jobStatusFailed', 0, 'Count')
        return
      default:
    }
  }
}

function levelOf(event: JobHappening): 'info' | 'warn' | 'error' {
  switch (event.type) {
    case 'status':
      return event.to === 'FAILED' ? 'error' : event.cause === undefined ? 'info' : 'warn'
    case 'checkpoint-failed':
    case 'poison-message':
    case 'warning':
      return 'warn'
    case 'deployed':
    case 'checkpoint-triggered':
    case 'checkpoint-completed':
      return 'info'
  }
}

/** JSON would make null of them. */
function plainNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}
