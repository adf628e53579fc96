import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { projectRoot, run } from '../../scripts/local/commands.ts'
import { DeployedJob } from './deployed-job.ts'
import type { Emulator } from './emulator.ts'
import { postLines } from './feed.ts'
import { assertNoDeadLetters, readTable, rowsOf } from './inspect.ts'
import { waitFor } from './wait.ts'

const MODULE = 'examples/temperature-alerts.ts'
const SAMPLE = 'examples/data/sensor-readings.ndjson'
/** As the job names it. */
const QUEUE = 'sensor-readings'
const TIMEOUT_MS = 120_000

type Step = (name: string, work: () => Promise<void>) => Promise<void>

/** The README's job as it stands there, and its update by the script. */
export async function readmeScenario(emulator: Emulator, step: Step): Promise<void> {
  let job!: DeployedJob
  const lines = readFileSync(join(projectRoot, SAMPLE), 'utf8')
  const sensors = new Set(
    lines
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { sensor: string }).sensor),
  )

  const remembers = (count: number) =>
    waitFor(
      `the last reading of ${count} sensors`,
      TIMEOUT_MS,
      async () => (rowsOf(await readTable(job), 'jumps').length === count ? true : undefined),
      () => job.status(),
    )

  await step('remove what an earlier run may have left', () => DeployedJob.removeLeftovers(emulator, MODULE))
  const { QueueUrl: queueUrl } = await emulator.sqs.createQueue({
    QueueName: QUEUE,
    Attributes: { VisibilityTimeout: '180' },
  })
  await step('deploy the job of the README', async () => {
    job = await DeployedJob.deploy(emulator, MODULE)
    await job.waitUntilIs('RUNNING')
  })
  await step(
    'take its readings by HTTP, and one from a queue; each sensor has a row once the job rests',
    async () => {
      assert.ok(job.outputs.ingestUrl !== undefined, 'the stack tells the URL of HTTP ingest')
      await postLines(emulator, job.outputs.ingestUrl, 'readings', lines)
      await emulator.sqs.sendMessage({
        QueueUrl: queueUrl!,
        MessageBody: JSON.stringify({ sensor: 'sensor_of_the_queue', celsius: 21.5 }),
      })
      await remembers(sensors.size + 1)
    },
  )
  await step('update it to another parallelism, by the script', async () => {
    const env = { ...process.env, AWS_ENDPOINT_URL: emulator.endpoint }
    await run('npm', ['run', 'job:update', '--', MODULE, '-c', 'set=parallelism.default=2'], env)
    const { shape, restoredFrom } = await job.waitUntilIs('RUNNING')
    assert.equal(shape?.vertices.find(({ operatorUids }) => operatorUids.includes('jumps'))?.parallelism, 2)
    assert.equal(restoredFrom?.kind, 'savepoint')
  })
  await step('it goes on with what it knew', async () => {
    await postLines(
      emulator,
      job.outputs.ingestUrl!,
      'readings',
      '{ "sensor": "sensor_that_is_new", "celsius": 1 }',
    )
    await remembers(sensors.size + 2)
    await assertNoDeadLetters(job)
  })
  await step('remove it', async () => {
    await job.ask('cancel', {})
    await job.waitUntilIs('CANCELED')
    await job.destroy()
    await emulator.sqs.deleteQueue({ QueueUrl: queueUrl! })
  })
}
