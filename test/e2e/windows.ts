import assert from 'node:assert/strict'

import type { DeadLetter } from 'millrace'

import { DeployedJob } from './deployed-job.ts'
import { listObjects, readObject, type Emulator } from './emulator.ts'
import { sendReadings, waitUntilTaken } from './feed.ts'
import { READINGS_QUEUE } from './jobs/results.ts'
import { OUT_OF_ORDERNESS_MS, WINDOW_MS, type Reading, type WindowSum } from './jobs/windows.ts'
import { assertSameWindows, publishedLines } from './results.ts'
import { waitFor } from './wait.ts'

const MODULE = 'test/e2e/jobs/windows.ts'
const TIMEOUT_MS = 300_000
/** Any time will do: windows are of event time. */
const FIRST_MS = Date.UTC(2026, 0, 1)
const SENSORS = ['a', 'b', 'c']
const WINDOWS = 5

type Step = (name: string, work: () => Promise<void>) => Promise<void>

/** A windowed job that reads the user's own queue. */
export async function windowScenario(emulator: Emulator, step: Step): Promise<void> {
  let job!: DeployedJob
  await step('remove what an earlier run may have left', () => DeployedJob.removeLeftovers(emulator, MODULE))
  const { QueueUrl: queueUrl } = await emulator.sqs.createQueue({ QueueName: READINGS_QUEUE })

  await step('deploy the windowed job', async () => {
    job = await DeployedJob.deploy(emulator, MODULE)
    await job.waitUntilIs('RUNNING')
  })
  await step('sum readings that come from a queue, in windows of event time', async () => {
    const readings = SENSORS.flatMap((sensor, sensorIndex) =>
      Array.from({ length: WINDOWS * 10 }, (_, second): Reading => ({
        sensor,
        atMs: FIRST_MS + second * 1_000,
        value: second + sensorIndex,
      })),
    ).toSorted((a, b) => a.atMs - b.atMs)
    await sendReadings(emulator, queueUrl!, readings)
    await waitUntilTaken(emulator, queueUrl!, TIMEOUT_MS)
    // A later reading closes the windows before it; its own stays open.
    await sendReadings(emulator, queueUrl!, [
      { sensor: 'last', atMs: FIRST_MS + WINDOWS * WINDOW_MS + 2 * OUT_OF_ORDERNESS_MS, value: 0 },
    ])
    const expected = windowsOf(readings)
    const found = await waitFor(
      'all windows',
      TIMEOUT_MS,
      async () => {
        const lines = await publishedLines<WindowSum>(emulator, 'windows/')
        return lines.length >= expected.length ? lines : undefined
      },
      () => job.status(),
    )
    assertSameWindows(found, expected)
  })
  await step('keep what a queue holds that is no record', async () => {
    await emulator.sqs.sendMessage({ QueueUrl: queueUrl!, MessageBody: 'no JSON' })
    const { bucketName } = job.outputs
    const [name] = await waitFor('a dead letter', TIMEOUT_MS, async () => {
      const names = await listObjects(emulator, bucketName, 'dead-letters/readings/')
      return names.length > 0 ? names : undefined
    })
    const letter = JSON.parse(await readObject(emulator, bucketName, name!)) as DeadLetter
    assert.equal(letter.raw, 'no JSON')
  })
  await step('remove the windowed job', async () => {
    await job.ask('cancel', {})
    await job.waitUntilIs('CANCELED')
    await job.destroy()
    await emulator.sqs.deleteQueue({ QueueUrl: queueUrl! })
  })
}

function windowsOf(readings: readonly Reading[]): readonly WindowSum[] {
  const sums = new Map<string, WindowSum>()
  for (const { sensor, atMs, value } of readings) {
    const endMs = (Math.floor(atMs / WINDOW_MS) + 1) * WINDOW_MS
    const key = `${sensor} ${endMs}`
    sums.set(key, { sensor, endMs, sum: (sums.get(key)?.sum ?? 0) + value })
  }
  return [...sums.values()]
}
