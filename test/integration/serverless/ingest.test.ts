import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  defineJob,
  fixedDelay,
  http,
  noRestart,
  sqs,
  valueState,
  type DeadLetter,
  type JobDefinition,
  type JobOptions,
} from '../../../lib/index.ts'
import { ingestSourcesOf } from '../../../lib/connectors/ingest/ingest-sources.ts'
import type { HttpAnswer } from '../../../lib/connectors/ingest/http-messages.ts'
import { COORDINATOR, ingestActor } from '../../../lib/model/actors.ts'
import { decodeEnvelope, type Envelope } from '../../../lib/serverless/actor/envelope.ts'
import { actorFolder } from '../../../lib/serverless/actor/log-entry.ts'
import { unpack } from '../../../lib/serverless/actor/packing.ts'
import { readJobStatus } from '../../../lib/serverless/coordinator/job-status-record.ts'
import { deploymentOf } from '../../../lib/serverless/deployment.ts'
import { IngestLogReader } from '../../../lib/serverless/ingest/ingest-log-reader.ts'
import { serverlessHttpEdge } from '../../../lib/serverless/ingest/http-edge.ts'
import { takeFromQueue } from '../../../lib/serverless/ingest/queue-edge.ts'
import type { TaskOrder } from '../../../lib/serverless/protocol.ts'
import { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { SeededRandom } from '../../../lib/testing/seeded-random.ts'
import { LocalPlatform } from '../../world/local-platform.ts'
import { MemoryWorld } from '../../world/memory-world.ts'
import { CommittedRecords } from './committed-records.ts'

interface Count {
  readonly word: string
  readonly count: number
}

const word = z.object({ word: z.string() })

/** A deployed job that counts words which come by HTTP and from a queue. */
class IngestJob {
  readonly clock = new ManualClock(1_700_000_000_000)
  readonly world: MemoryWorld = new MemoryWorld({ clock: this.clock })
  readonly out = new CommittedRecords<Count>()
  readonly letters = new CommittedRecords<DeadLetter>()
  platform!: LocalPlatform
  /** Whether the program takes dead letters. */
  takesLetters = true
  #failures = 0
  #messages = 0

  deploy(parallelism: number, partitions: number, options: Partial<JobOptions> = {}): this {
    const deployment = deploymentOf(this.#definition(parallelism, partitions, options), undefined)
    this.platform = new LocalPlatform({ world: this.world, clock: this.clock, ...deployment })
    return this
  }

  start(requestId: string, from?: string): Promise<void> {
    return this.platform.request({ type: 'start', requestId, from, allowNonRestoredState: false })
  }

  /** The next word that is counted fails. */
  failOnce(): void {
    this.#failures = 1
  }

  post(words: readonly string[], key?: string, pad?: string): Promise<HttpAnswer> {
    return serverlessHttpEdge(this.platform.runtime)({
      method: 'POST',
      path: '/posted',
      headers: key === undefined ? {} : { 'idempotency-key': key },
      body: new TextEncoder().encode(JSON.stringify(words.map((one) => ({ word: one, pad })))),
    })
  }

  async queue(...bodies: readonly string[]): Promise<void> {
    const source = ingestSourcesOf(this.platform.runtime.plan).find(({ uid }) => uid === 'queued')!
    const messages = bodies.map((body) => ({ messageId: `message-${++this.#messages}`, body }))
    const { failed } = await takeFromQueue(this.platform.runtime, source, messages)
    if (failed.length > 0) throw new Error(`expected all to be taken, got ${failed.length} that failed`)
  }

  /** The number of each word, each step of which must have been committed once. */
  get totals(): Record<string, number> {
    const found = new Map<string, number[]>()
    for (const { word: one, count } of this.out.records) found.set(one, [...(found.get(one) ?? []), count])
    for (const [one, counts] of found) {
      const steps = counts.toSorted((a, b) => a - b)
      if (steps.some((count, index) => count !== index + 1))
        throw new Error(`${one} was counted ${steps.join()}`)
    }
    return Object.fromEntries([...found].map(([one, counts]) => [one, counts.length]))
  }

  async until(records: number): Promise<void> {
    await this.platform.until(() => this.out.records.length >= records)
  }

  /** The text of {@link kept}. */
  async keptLetters(): Promise<string[]> {
    return (await this.kept()).map(({ raw }) => raw)
  }

  /** Letters that the program does not take. */
  async kept(): Promise<DeadLetter[]> {
    const { blobs } = this.platform.runtime
    const names = (await blobs.list('dead-letters/queued/')).filter((name) => name.endsWith('.jsonl'))
    const texts = await Promise.all(
      names.map(async (name) => Buffer.from((await blobs.get(name))!).toString()),
    )
    return texts.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line) as DeadLetter)
  }

  get checkpoints(): number {
    return this.platform.happenings.filter(({ type }) => type === 'checkpoint-completed').length
  }

  #definition(parallelism: number, partitions: number, options: Partial<JobOptions>): JobDefinition {
    return defineJob(
      {
        name: 'ingesting',
        parallelism,
        checkpointing: { interval: '1 s' },
        restart: fixedDelay({ attempts: 3, delay: '1 s' }),
        ...options,
      },
      (env) => {
        const posted = env.source('posted', http({ schema: word, partitions }))
        const queued = env.source('queued', sqs({ queue: 'words', schema: word, partitions }))
        posted
          .union(queued)
          .keyBy((one) => one.word)
          .map('count', {
            state: { count: valueState({ default: 0 }) },
            map: ({ word: one }, { state }) => {
              if (this.#failures-- > 0) throw new Error('the word failed')
              state.count.update(state.count.value() + 1)
              return { word: one, count: state.count.value() }
            },
          })
          .sinkTo('out', this.out.sink())
        if (this.takesLetters) queued.deadLetters.sinkTo('letters', this.letters.sink())
      },
    )
  }
}

test.each([
  [1, 1],
  [2, 3],
])(
  'parallelism %i, %i partitions: what comes by HTTP and from a queue counts once, through failures',
  async (parallelism, partitions) => {
    const job = new IngestJob().deploy(parallelism, partitions)
    // It is durable before there is anybody to read it.
    expect((await job.post(['a', 'b', 'a'], 'first')).status).toBe(202)
    await job.start('start')
    await job.until(3)
    await job.queue('{"word":"a"}', 'no JSON', '{"word":7}', '{"word":"c"}')
    expect((await job.post(['a', 'b', 'a'], 'first')).status).toBe(202)
    await job.until(5)
    expect(job.totals).toEqual({ a: 3, b: 1, c: 1 })

    job.failOnce()
    job.platform.restartEnvironments()
    for (let n = 0; n < 20; n++) await job.post([`n${n % 3}`, 'a'])
    await job.until(45)
    expect(job.totals).toEqual({ a: 23, b: 1, c: 1, n0: 7, n1: 7, n2: 6 })
    expect(job.platform.happenings.some((one) => one.type === 'status' && one.to === 'RESTARTING')).toBe(true)

    await job.platform.untilIdle()
    expect(job.letters.records.map(({ operatorUid }) => operatorUid)).toEqual(['queued', 'queued'])
    expect(job.letters.records.map(({ raw }) => raw).toSorted()).toEqual(['no JSON', '{"word":7}'])
    // Idle: it wakes up for what comes.
    const before = job.checkpoints
    job.clock.advance(3_600_000)
    await job.platform.untilIdle()
    expect(job.checkpoints).toBe(before)
    await job.post(['z'])
    await job.until(46)
    expect(job.totals).toMatchObject({ z: 1 })
  },
)

test('dead letters that no stream takes are kept in the bucket of the job, each once, through failures', async () => {
  const job = new IngestJob()
  job.takesLetters = false
  job.deploy(2, 3)
  await job.start('start')
  await job.queue('no JSON', '{"word":"a"}', '{"word":7}')
  await job.until(1)
  job.failOnce()
  await job.queue('{"word":"b"}', 'nor this')
  await job.until(2)
  await job.platform.untilIdle()
  expect(job.platform.happenings.some((one) => one.type === 'status' && one.to === 'RESTARTING')).toBe(true)
  expect((await job.keptLetters()).toSorted()).toEqual(['no JSON', 'nor this', '{"word":7}'])

  await job.platform.request({ type: 'stop', requestId: 'stop', target: undefined, drain: false })
  await job.platform.untilIdle()
  const { blobs } = job.platform.runtime
  const left = (await blobs.list('dead-letters/')).filter((name) => name.includes('/part-'))
  expect(left.every((name) => name.startsWith('dead-letters/queued/part-'))).toBe(true)
})

test('a message that is longer than its dead letter is kept whole beside it', async () => {
  const job = new IngestJob()
  job.takesLetters = false
  job.deploy(1, 1)
  await job.start('start')
  const long = `no JSON ${'x'.repeat(700_000)}`
  await job.queue(long)
  await job.platform.until(async () => (await job.keptLetters()).length > 0)
  const { blobs } = job.platform.runtime
  const [letter] = await job.kept()
  expect(letter!.raw).toBe(long.slice(0, 65_536))
  expect(letter!.rawAt).toMatch(/\/dead-letters\/queued\/raw-[0-9a-f]{64}$/)
  const name = letter!.rawAt!.slice(blobs.location.length + 1)
  expect(Buffer.from((await blobs.get(name))!).toString()).toBe(long)
})

test('dead letters that no stream takes are kept without checkpoints as well', async () => {
  const job = new IngestJob()
  job.takesLetters = false
  job.deploy(1, 1, { checkpointing: { interval: 'off' } })
  await job.start('start')
  await job.queue('no JSON', '{"word":"a"}')
  await job.platform.until(async () => (await job.keptLetters()).length > 0)
  expect(await job.keptLetters()).toEqual(['no JSON'])
})

test('stops with a savepoint; what comes meanwhile is read by the next version, at another parallelism, with more partitions', async () => {
  const job = new IngestJob().deploy(3, 3)
  await job.start('r1')
  for (let n = 0; n < 30; n++) await job.post([`w${n % 5}`])
  await job.until(10)
  await job.platform.request({ type: 'stop', requestId: 'r2', target: undefined, drain: false })
  await job.platform.until(() =>
    job.platform.happenings.some((one) => one.type === 'status' && one.to === 'FINISHED'),
  )
  const savepoint = job.platform.happenings.findLast((one) => one.type === 'checkpoint-completed')
  for (let n = 0; n < 10; n++) await job.post([`w${n % 5}`])

  job.deploy(2, 8)
  await job.start('r3', savepoint?.type === 'checkpoint-completed' ? savepoint.location : undefined)
  // Each is read as soon as it comes: the partition wakes the task that has it now.
  for (let n = 0; n < 10; n++) {
    await job.post([`w${n % 5}`])
    await job.until(41 + n)
  }
  expect(job.totals).toEqual({ w0: 10, w1: 10, w2: 10, w3: 10, w4: 10 })
  await job.platform.untilIdle()
  expect(job.out.records.length).toBe(50)
})

test('what is read for good is not kept: the blobs of an ingest partition go, and it stays small', async () => {
  const job = new IngestJob().deploy(1, 1)
  await job.start('start')
  const random = new SeededRandom(1)
  const large = (): string =>
    Array.from({ length: 1_500 }, () => random.next().toString(36).slice(2)).join('')
  const blobs = async (): Promise<number> => {
    const folder = actorFolder(ingestActor('posted', 0))
    return (await job.platform.runtime.blobs.list(`log/${folder}/`)).length
  }
  const kept: number[] = []
  for (let n = 0; n < 600; n++) {
    expect((await job.post(['w'], undefined, large())).status).toBe(202)
    if (n % 50 === 49) {
      await job.until(n + 1)
      kept.push(await blobs())
    }
  }
  expect(job.totals).toEqual({ w: 600 })
  expect(Math.max(...kept)).toBeLessThan(400)
})

/** Months in which nobody does anything, but for the visit of each week; what has expired vanishes. */
async function rest(job: IngestJob): Promise<void> {
  for (let day = 1; day <= 120; day++) {
    job.clock.advance(24 * 3_600_000)
    job.world.log.expire()
    job.world.rows.expire()
    if (day % 7 === 0) await job.platform.request({ type: 'tick' })
    await job.platform.untilIdle()
    if (day % 20 === 0) job.platform.restartEnvironments()
  }
}

test('a job that rests for months, visited once a week, goes on where it was: nothing needed ends by its time-to-live', async () => {
  const job = new IngestJob().deploy(2, 2)
  await job.start('start')
  await job.post(['a', 'b', 'a', 'c'], 'first')
  await job.until(4)
  await job.platform.untilIdle()
  await rest(job)
  await job.post(['a', 'b', 'd'], 'second')
  await job.until(7)
  expect(job.totals).toEqual({ a: 3, b: 2, c: 1, d: 1 })

  job.failOnce()
  await job.post(['a', 'b'], 'third')
  await job.until(9)
  expect(job.totals).toEqual({ a: 4, b: 3, c: 1, d: 1 })
})

test('a job that takes no checkpoints sleeps when it has nothing to do, and rests for months as well', async () => {
  const job = new IngestJob().deploy(2, 2, { checkpointing: { interval: 'off' } })
  await job.start('start')
  await job.post(['a', 'b', 'a', 'c'], 'first')
  await job.platform.untilIdle()
  expect(job.world.wakeUps.scheduleEnabled).toBe(false)
  await rest(job)
  await job.post(['a', 'b', 'd'], 'second')
  await job.platform.untilIdle()
  await job.platform.request({ type: 'stop', requestId: 'stop', target: undefined, drain: true })
  await job.until(7)
  expect(job.totals).toEqual({ a: 3, b: 2, c: 1, d: 1 })
})

test.each([0, 1, 2, 3, 4, 5])(
  'a job that takes no checkpoints sleeps also where the order is lost that asks a task whether it rests: %i',
  async (lost) => {
    const job = new IngestJob().deploy(2, 2, { checkpointing: { interval: 'off' }, restart: noRestart() })
    const { mailbox } = job.platform.runtime
    const send = mailbox.send.bind(mailbox)
    let asked = 0
    vi.spyOn(mailbox, 'send').mockImplementation(async (messages) => {
      const isLost = messages.map(({ body }) => isQuestion(decodeEnvelope(body)) && asked++ === lost)
      const outcomes = [...(await send(messages.filter((_, index) => !isLost[index])))]
      return messages.map((_, index) => (isLost[index] ? 'sent' : outcomes.shift()!))
    })
    await job.start('start')
    await job.post(['a', 'b'], 'first')
    await job.platform.untilIdle()
    expect(asked).toBeGreaterThan(lost)
    expect(await readJobStatus(job.platform.runtime.log)).toMatchObject({
      status: 'RUNNING',
      idle: true,
      restarts: 0,
    })
    await job.post(['a'], 'second')
    await job.platform.untilIdle()
    await job.platform.request({ type: 'stop', requestId: 'stop', target: undefined, drain: true })
    await job.until(3)
    expect(job.totals).toEqual({ a: 2, b: 1 })
  },
)

/** Whether it is an order that asks a task for its quiescence. */
function isQuestion(envelope: Envelope): boolean {
  if (envelope.kind !== 'message' || envelope.from !== COORDINATOR || !('bytes' in envelope.payload))
    return false
  return (unpack(envelope.payload.bytes) as TaskOrder).type === 'tell-quiescence'
}

test.each([2, 3])(
  'a job that was put aside for months goes on from its checkpoint, at parallelism %i',
  async (parallelism) => {
    const job = new IngestJob().deploy(2, 2)
    await job.start('start')
    await job.post(['a', 'b', 'a', 'c'], 'first')
    await job.until(4)
    await job.platform.request({ type: 'suspend', requestId: 'suspend' })
    await job.platform.untilIdle()
    await rest(job)
    job.deploy(parallelism, 2)
    await job.post(['a', 'b', 'd'], 'second')
    await job.start('again', 'latest')
    await job.until(7)
    expect(job.totals).toEqual({ a: 3, b: 2, c: 1, d: 1 })
  },
)

test('a backlog of large records is read in pieces that fit into memory', async () => {
  const job = new IngestJob().deploy(1, 1)
  const pad = Array.from({ length: 200_000 }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join('')
  for (let n = 0; n < 24; n++) await job.post([`w${n}`], `key-${n}`, pad)
  await job.platform.untilIdle()
  const reader = new IngestLogReader(job.platform.runtime)
  const first = await reader.read('posted', 0, 0)
  expect(first.more).toBe(true)
  expect(first.batches.flatMap(({ records }) => records).length).toBeLessThan(24)
  await job.start('start')
  await job.until(24)
  expect(Object.keys(job.totals)).toHaveLength(24)
})
