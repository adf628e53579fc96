import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

import { SeededRandom } from '../../lib/testing/seeded-random.ts'
import { firstLetter, sendAgain, sendDead } from './dead-letters.ts'
import { DeployedJob } from './deployed-job.ts'
import type { Emulator } from './emulator.ts'
import { WordFeed } from './feed.ts'
import { killOne } from './function-processes.ts'
import { assertLogs, assertNoDeadLetters, assertRows, readCheckpoint, readTable } from './inspect.ts'
import type { WordCount, WordRecord } from './jobs/word-count.ts'
import { assertExactCounts, isCounted, publishedLines } from './results.ts'
import { waitFor } from './wait.ts'

const MODULE = 'test/e2e/jobs/word-count.ts'
const COUNTED_TIMEOUT_MS = 300_000
const KILLS = 4
const THROWS_FOR_MS = 8_000

const isThrown = (message: string | undefined): boolean =>
  message?.startsWith('The word throwing throws until') === true

type Step = (name: string, work: () => Promise<void>) => Promise<void>

/** The word count, from its first deployment to its removal. */
export async function wordCountScenario(emulator: Emulator, step: Step, seed: number): Promise<void> {
  const random = new SeededRandom(seed)
  const words = (count: number): readonly WordRecord[] =>
    Array.from({ length: count }, () => ({ word: `word-${Math.floor(random.next() ** 2 * 20)}` }))

  let job!: DeployedJob
  let feed!: WordFeed
  let savepoint = ''

  const counted = () =>
    waitFor(
      'all words to be counted',
      COUNTED_TIMEOUT_MS,
      async () => {
        const counts = await publishedLines<WordCount>(emulator, 'word-count/')
        return isCounted(counts, feed.accepted) ? counts : undefined
      },
      () => job.status(),
    )
  const countedExactly = async (): Promise<void> => assertExactCounts(await counted(), feed.accepted)

  await step('remove what an earlier run may have left', () => DeployedJob.removeLeftovers(emulator, MODULE))
  await step('deploy the word count', async () => {
    job = await DeployedJob.deploy(emulator, MODULE)
    assert.ok(job.outputs.ingestUrl !== undefined, 'the stack tells the URL of HTTP ingest')
    feed = new WordFeed(emulator, job.outputs.ingestUrl)
  })
  await step('it starts by itself, within the minute of its schedule', async () => {
    await job.waitUntilIs('RUNNING')
  })
  await step('count words that come by HTTP: one, an array, lines, and a request twice', async () => {
    await feed.one({ word: 'word-0' })
    await feed.array(words(50))
    await feed.lines(words(200))
    await feed.twice(words(50), 'this-one-comes-twice')
    await countedExactly()
  })
  await step('what ingest could not write is kept, and counted when it is sent again', async () => {
    const [first, second] = words(2)
    await sendDead(job, 'words', [first!, second!])
    await sendAgain(job, await firstLetter(job))
    feed.isAccepted([first!, second!])
    await countedExactly()
  })
  await step('a checkpoint has completed, and its record stands in S3', async () => {
    const { checkpoints } = await job.waitForStatus('a checkpoint', (status) => status.checkpoints.length > 0)
    const record = await readCheckpoint(job, checkpoints.at(-1)!.location)
    assert.equal(record.checkpointId, checkpoints.at(-1)!.checkpointId)
  })
  await step('turn logs are in the table, and end in some weeks', async () => {
    assertLogs(await readTable(job))
  })
  await step('user code throws, and the job restarts from its checkpoint', async () => {
    const { attempt } = (await job.status())!
    await feed.lines([{ word: 'word-0' }, { word: 'throwing', throwsUntilMs: Date.now() + THROWS_FOR_MS }])
    await job.waitForStatus('the cause of the failure', ({ cause }) => isThrown(cause?.message))
    await job.waitForStatus('a restart', (status) => status.attempt > attempt)
    await feed.lines(words(50))
    await countedExactly()
  })
  await step(`function processes are killed while words come: ${KILLS} times`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      await feed.lines(words(100))
      const { pid, functionName } = killOne(job.outputs.stackName, random.next())
      process.stdout.write(`  killed process ${pid} of ${functionName}\n`)
      await pause(random.next() * 3_000)
    }
    await countedExactly()
  })
  await step('cancel it, and start it from the checkpoint that it retained', async () => {
    await job.ask('cancel', {})
    const { latest } = await job.waitUntilIs('CANCELED')
    assert.ok(latest !== undefined, 'a checkpoint is retained')
    await readCheckpoint(job, latest.location)
    await feed.lines(words(100))
    await job.ask('start', { from: latest.location, allowNonRestoredState: false })
    await countedExactly()
  })
  await step('stop it with a savepoint', async () => {
    await job.ask('stop', { target: undefined, drain: false })
    const { lastSavepoint } = await job.waitUntilIs('FINISHED')
    assert.ok(lastSavepoint !== undefined, 'a savepoint was taken')
    savepoint = lastSavepoint.location
    await readCheckpoint(job, savepoint)
  })
  await step('deploy it at another parallelism, and start it from the savepoint', async () => {
    job = await DeployedJob.deploy(emulator, MODULE, { 'parallelism.default': '3' })
    await feed.lines(words(100))
    await job.ask('start', { from: savepoint, allowNonRestoredState: false })
    await countedExactly()
    assert.equal((await job.status())!.shape?.vertices.find(({ id }) => id === 'count')?.parallelism, 3)
  })
  await step('rows of keyed state are in the table, and expire with their state', async () => {
    assertRows(await readTable(job), 'count', 30)
  })
  await step('nothing was lost on the way', async () => {
    await assertNoDeadLetters(job)
  })
  await step('remove it', async () => {
    await job.ask('cancel', {})
    await job.waitUntilIs('CANCELED')
    await job.destroy()
  })
}
