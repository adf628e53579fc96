import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { actorKind } from '../../../lib/model/actors.ts'
import { readJobStatus } from '../../../lib/serverless/coordinator/job-status-record.ts'
import { deploymentOf } from '../../../lib/serverless/deployment.ts'
import { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { LocalPlatform } from '../../world/local-platform.ts'
import { MemoryWorld } from '../../world/memory-world.ts'
import { temporaryDirectory } from '../bad-input/support.ts'
import { checkpointOf, EXPECTED, jobOf, SlowSink, type Taken } from '../embedded/held-up.ts'

/** On functions at this parallelism, asked to go on from a checkpoint that was taken in one process. */
async function broughtIn(directory: string, { path }: Taken, parallelism: number) {
  const clock = new ManualClock(1_700_000_000_000)
  const world = new MemoryWorld({ clock, mailbox: { queueOf: actorKind } })
  const slow = new SlowSink()
  slow.open()
  const definition = jobOf(slow, { interval: '10 s', unaligned: true })
  const deployment = deploymentOf(
    { ...definition, options: { ...definition.options, parallelism } },
    undefined,
  )
  const platform = new LocalPlatform({ world, clock, ...deployment })
  const { blobs } = platform.runtime
  for (const name of readdirSync(directory, { recursive: true }).map(String)) {
    const file = join(directory, name)
    if (statSync(file).isFile()) await blobs.putIfAbsent(name, readFileSync(file))
  }
  const from = relative(directory, path)
  await platform.request({ type: 'start', requestId: 'r1', from, allowNonRestoredState: false })
  const answer = async () => (await readJobStatus(platform.runtime.log))?.answers['r1']
  await platform.until(async () => (await answer()) !== undefined)
  return { slow, platform, answer: await answer() }
}

test('what was under way in one process is gone on with on functions, and goes to its own subtask only', async () => {
  const directory = temporaryDirectory()
  const taken = await checkpointOf({ directory, unaligned: true })
  const { slow, platform, answer } = await broughtIn(directory, taken, 2)
  expect(answer).toMatchObject({ type: 'accepted' })
  await platform.until(() =>
    platform.happenings.some((one) => one.type === 'status' && one.to === 'FINISHED'),
  )
  expect([...taken.written, ...slow.written].toSorted()).toEqual(EXPECTED.toSorted())
  // Counts go straight on to the sink of the same number.
  const message = expect.stringContaining("from 'count' to 'out'") as string
  expect((await broughtIn(directory, taken, 3)).answer).toMatchObject({ type: 'refused', message })
})
