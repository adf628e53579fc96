import { describe, expect, test } from 'vitest'
import { WATCHED } from '../../bench/cost/bill/assumptions.ts'
import { ENGINE, INGEST } from '../../bench/cost/measures/throughput-cost.ts'
import { StandardJob } from '../../bench/cost/platform/standard-job.ts'
import { FUNCTIONS } from '../../bench/cost/platform/function-usage.ts'
import { EmfObserver } from '../../lib/aws/emf-observer.ts'

async function ranJob(): Promise<StandardJob> {
  const job = new StandardJob({ keyCount: 200, parallelism: 2 })
  await job.start()
  await job.takeAt(100, job.events('uniform', 1_500), 100)
  return job
}

describe('the standard job on simulated AWS', () => {
  test('takes every event once, at its rate, with a checkpoint every ten seconds', async () => {
    const job = await ranJob()
    const { aws } = job
    await aws.until(() => job.received >= 1_500)
    await aws.pass(20_000)
    expect(job.received).toBe(1_500)
    expect(job.completed).toBeGreaterThanOrEqual(2)
    expect(aws.usage.ledger('ingest-http').calls('mailbox.send')).toBe(15)
    expect(aws.usage.of(INGEST).lambdaRequests).toBeGreaterThanOrEqual(30)
    expect(aws.usage.of(ENGINE).lambdaGbSeconds).toBeGreaterThan(0)
  })

  test('publishes as many metrics as its month is billed for', async () => {
    const { aws } = await ranJob()
    await aws.pass(20_000)
    const lines: string[] = []
    const line = (text: string): void => void lines.push(text)
    const observe = new EmfObserver({ job: 'standard', stack: undefined, line, now: () => aws.clock.now() })
    // What else happens, and is a metric as well, happens once: as the job is started.
    for (const event of aws.happenings) if (event.type === 'checkpoint-completed') observe.event(event)
    lines.length = 0
    observe.flush()
    const { _aws } = JSON.parse(lines[0]!) as { _aws: { CloudWatchMetrics: [{ Metrics: unknown[] }] } }
    expect(aws.metrics.size + _aws.CloudWatchMetrics[0].Metrics.length).toBe(WATCHED.metrics)
  })

  test('asks the same in every run', async () => {
    const [first, second] = [await ranJob(), await ranJob()]
    expect(first.aws.usage.calls(FUNCTIONS)).toEqual(second.aws.usage.calls(FUNCTIONS))
  })

  test('has events of about a hundred bytes', () => {
    const job = new StandardJob({ keyCount: 100_000, parallelism: 1 })
    for (const line of job.events('zipf', 100)) {
      expect(Buffer.byteLength(line)).toBeGreaterThan(95)
      expect(Buffer.byteLength(line)).toBeLessThan(105)
    }
  })
})
