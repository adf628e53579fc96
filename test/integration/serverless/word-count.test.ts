import { describe, expect, test, vi } from 'vitest'
import {
  collection,
  defineJob,
  exponentialDelay,
  fixedDelay,
  valueState,
  type DeadLetter,
  type JobDefinition,
  type JobOptions,
  type WriterSink,
} from '../../../lib/index.ts'
import { actorKind, taskOfActor } from '../../../lib/model/actors.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import { BlobStoreError } from '../../../lib/ports/blob-store.ts'
import { PlatformFault } from '../../../lib/ports/platform-fault.ts'
import { readJobStatus } from '../../../lib/serverless/coordinator/job-status-record.ts'
import { deploymentOf } from '../../../lib/serverless/deployment.ts'
import type { JobHappening } from '../../../lib/serverless/observe.ts'
import { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { LocalPlatform } from '../../world/local-platform.ts'
import { MemoryWorld } from '../../world/memory-world.ts'
import { CommittedRecords } from './committed-records.ts'

interface Count {
  readonly word: string
  readonly count: number
}

interface WordCountParts {
  readonly words: readonly string[]
  readonly parallelism?: number
  /** Chains with a queue of their own. */
  readonly ownQueues?: readonly string[]
  /** Called for each word before it is counted. */
  readonly onWord?: (word: string) => void
  readonly options?: Partial<JobOptions>
  readonly checkpointing?: object
}

const START_MS = 1_700_000_000_000

class WordCount {
  readonly clock = new ManualClock(START_MS)
  readonly world: MemoryWorld = new MemoryWorld({
    clock: this.clock,
    mailbox: { queueOf: (actor) => this.#queueOf(actor) },
  })
  readonly out = new CommittedRecords<Count>()
  platform!: LocalPlatform
  #ownQueues: readonly string[] = []

  /** Deploys the job: what is there of an earlier deployment stays, but for queues of chains that have none any more. */
  deploy(parts: WordCountParts): this {
    const { ownQueues = [] } = parts
    for (const chain of this.#ownQueues) {
      if (!ownQueues.includes(chain)) this.world.mailbox.removeQueue(`chain-${chain}`)
    }
    this.#ownQueues = ownQueues
    const deployment = deploymentOf(this.#definition(parts), undefined)
    this.platform = new LocalPlatform({ world: this.world, clock: this.clock, ...deployment })
    return this
  }

  start(requestId: string, from?: string): Promise<void> {
    return this.platform.request({ type: 'start', requestId, from, allowNonRestoredState: false })
  }

  status(to: Extract<JobHappening, { type: 'status' }>['to']): () => boolean {
    const { happenings } = this.platform
    return () => happenings.some((one) => one.type === 'status' && one.to === to)
  }

  /** What is kept of the letters of an operator. */
  async letters(uid: string): Promise<DeadLetter[]> {
    const { blobs } = this.platform.runtime
    const names = (await blobs.list(`dead-letters/${uid}/`)).filter((name) => name.endsWith('.jsonl'))
    const texts = await Promise.all(
      names.map(async (name) => Buffer.from((await blobs.get(name))!).toString()),
    )
    return texts.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line) as DeadLetter)
  }

  async answer(requestId: string): Promise<unknown> {
    return (await readJobStatus(this.platform.runtime.log))?.answers[requestId]
  }

  checkpoints(): Extract<JobHappening, { type: 'checkpoint-completed' }>[] {
    return this.platform.happenings.filter((one) => one.type === 'checkpoint-completed')
  }

  #queueOf(actor: ActorId): string {
    if (actorKind(actor) !== 'task') return actorKind(actor)
    const task = taskOfActor(actor)
    const chain = task.slice(0, task.lastIndexOf('#'))
    return this.#ownQueues.includes(chain) ? `chain-${chain}` : 'task'
  }

  #definition({ words, parallelism = 1, onWord, checkpointing, options }: WordCountParts): JobDefinition {
    return defineJob(
      {
        name: 'word-count',
        parallelism,
        checkpointing: { interval: '1 s', ...checkpointing },
        restart: fixedDelay({ attempts: 3, delay: '1 s' }),
        ...options,
      },
      (env) => {
        env
          .source('words', collection(words))
          .keyBy((word) => word)
          .map('count', {
            state: { count: valueState({ default: 0 }) },
            map: (word, { state }) => {
              onWord?.(word)
              state.count.update(state.count.value() + 1)
              return { word, count: state.count.value() }
            },
          })
          .sinkTo('out', this.out.sink())
      },
    )
  }
}

function repeated(count: number, distinct: number): string[] {
  return Array.from({ length: count }, (_, i) => `w${i % distinct}`)
}

/** By word: its counts, in the order in which they were committed. */
function countsOf(out: CommittedRecords<Count>): Record<string, number[]> {
  const found: Record<string, number[]> = {}
  for (const { word, count } of out.records) (found[word] ??= []).push(count)
  return found
}

/** Every word counts from 1 up to its number, each once. */
function exact(all: readonly string[]): Record<string, number[]> {
  const expected: Record<string, number[]> = {}
  for (const word of all) {
    const counts = (expected[word] ??= [])
    counts.push(counts.length + 1)
  }
  return expected
}

describe('a job on functions', () => {
  test.each([1, 2, 3])('runs to its end at parallelism %i', async (parallelism) => {
    const all = repeated(5_000, 97)
    const job = new WordCount().deploy({ words: all, parallelism })
    await job.start('r1')
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('restarts from its last checkpoint when a function throws, and its output is exact', async () => {
    const all = repeated(40_000, 97)
    let left = 2
    let seen = 0
    const job = new WordCount().deploy({
      words: all,
      parallelism: 2,
      onWord: () => {
        if (++seen % 9_000 === 0 && left-- > 0) throw new Error('no luck')
      },
    })
    await job.start('r1')
    await job.platform.until(job.status('FINISHED'))
    const deployed = job.platform.happenings.filter((one) => one.type === 'deployed')
    expect(deployed.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expect(deployed.at(-1)!.restoredFrom).toContain('chk-')
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('fails with the whole cause when the strategy grants no more restarts', async () => {
    const job = new WordCount().deploy({
      words: repeated(100, 10),
      onWord: (word) => {
        if (word === 'w7') throw new Error('w7 is not to be counted')
      },
    })
    await job.start('r1')
    await job.platform.until(job.status('FAILED'))
    const failed = job.platform.happenings.find((one) => one.type === 'status' && one.to === 'FAILED')
    expect(failed).toMatchObject({
      cause: {
        message: 'w7 is not to be counted',
        operatorUid: 'count',
        key: 'w7',
        position: 'words#0, message 0, record 8',
      },
    })
  })

  test.each([1, 3])(
    'sets aside a record that fails each time, in the dead letters of its operator, and is exact without it (parallelism %i)',
    async (parallelism) => {
      const poison = ['w7', 'late']
      const all = [...repeated(20_000, 97), 'late', ...repeated(20_000, 97)]
      const job = new WordCount().deploy({
        words: all,
        parallelism,
        onWord: (word) => {
          if (poison.includes(word)) throw new Error(`${word} is not to be counted`)
        },
        options: { restart: exponentialDelay(), poisonRecords: { deadLetterAfter: 2 } },
      })
      await job.start('r1')
      const ended = job.status('FINISHED')
      let rounds = 0
      await job.platform.until(() => {
        if (++rounds % 7 === 0) job.platform.restartEnvironments()
        return ended()
      })
      expect(countsOf(job.out)).toEqual(exact(all.filter((word) => !poison.includes(word))))
      const deployed = job.platform.happenings.filter((one) => one.type === 'deployed')
      expect(deployed).toHaveLength(5)
      const told = job.platform.happenings.flatMap((one) => (one.type === 'warning' ? [one.message] : []))
      expect(told).toEqual(
        poison.map((word) => expect.stringContaining(`(${word} is not to be counted)`) as string),
      )
      const letters = await job.letters('count')
      const times = all.filter((word) => word === 'w7').length
      expect(letters.filter(({ raw }) => raw === 'w7')).toHaveLength(times)
      expect(letters.filter(({ raw }) => raw !== 'w7')).toMatchObject([
        {
          operatorUid: 'count',
          reason: 'late is not to be counted',
          position: expect.stringMatching(/^words#0, (message \d+|what waited), record \d+$/) as string,
          raw: 'late',
        },
      ])
    },
  )

  test('sets aside a record whose key no row can have', async () => {
    const tooLong = 'x'.repeat(20_000)
    const all = [...repeated(1_000, 97), tooLong, ...repeated(1_000, 97)]
    const options = { restart: exponentialDelay(), poisonRecords: { deadLetterAfter: 2 } }
    const job = new WordCount().deploy({ words: all, parallelism: 2, options })
    await job.start('r1')
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all.filter((word) => word !== tooLong)))
    expect(await job.letters('count')).toMatchObject([{ operatorUid: 'count', raw: tooLong }])
  })

  test('is cancelled, and goes on from the checkpoint that was retained, at another parallelism', async () => {
    const all = repeated(60_000, 97)
    const checkpointing = { retentionOnCancel: 'retain' }
    const job = new WordCount().deploy({ words: all, parallelism: 2, checkpointing })
    await job.start('r1')
    await job.platform.until(() => job.checkpoints().length >= 2)
    await job.platform.request({ type: 'cancel', requestId: 'r2' })
    await job.platform.until(job.status('CANCELED'))
    const { location } = job.checkpoints().at(-1)!

    job.deploy({ words: all, parallelism: 3, checkpointing })
    await job.start('r3', location)
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('stops with a savepoint, and goes on from it at another parallelism', async () => {
    const all = repeated(60_000, 97)
    const job = new WordCount().deploy({ words: all, parallelism: 3 })
    await job.start('r1')
    await job.platform.until(() => job.checkpoints().length >= 1)
    await job.platform.request({ type: 'stop', requestId: 'r2', target: undefined, drain: false })
    await job.platform.until(job.status('FINISHED'))
    const { location } = job.checkpoints().at(-1)!
    expect(location).toContain('savepoint')
    expect(job.out.records.length).toBeLessThan(all.length)

    job.deploy({ words: all, parallelism: 1 })
    await job.start('r3', location)
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test.each([
    ['gets', [], ['count']],
    ['loses', ['count'], []],
  ])(
    'stops with a savepoint, and goes on from it where a chain %s a queue of its own',
    async (_, before, after) => {
      const all = repeated(60_000, 97)
      const job = new WordCount().deploy({ words: all, parallelism: 2, ownQueues: before })
      await job.start('r1')
      await job.platform.until(() => job.checkpoints().length >= 1)
      await job.platform.request({ type: 'stop', requestId: 'r2', target: undefined, drain: false })
      await job.platform.until(job.status('FINISHED'))
      const { location } = job.checkpoints().at(-1)!
      expect(job.out.records.length).toBeLessThan(all.length)

      job.deploy({ words: all, parallelism: 2, ownQueues: after })
      await job.start('r3', location)
      await job.platform.until(job.status('FINISHED'))
      expect(countsOf(job.out)).toEqual(exact(all))
    },
  )

  test.each([
    ['gets', [], ['count']],
    ['loses', ['count'], []],
  ])('goes on while it runs where a chain %s a queue of its own', async (_, before, after) => {
    const all = repeated(60_000, 97)
    const checkpointing = { timeout: '10 s', tolerableFailures: 'unlimited' }
    const job = new WordCount().deploy({ words: all, parallelism: 2, ownQueues: before, checkpointing })
    await job.start('r1')
    await job.platform.until(() => job.checkpoints().length >= 1)
    job.deploy({ words: all, parallelism: 2, ownQueues: after, checkpointing })
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('that may not write its savepoint is told so, does not stop, and comes to its end', async () => {
    const all = repeated(60_000, 97)
    const job = new WordCount().deploy({ words: all, parallelism: 2 })
    const { runtime } = job.platform
    const { blobs } = job.world.ports()
    vi.spyOn(runtime.blobs, 'putIfAbsent').mockImplementation(async (name, bytes) => {
      if (!name.startsWith('savepoints/')) return blobs.putIfAbsent(name, bytes)
      const cause = new PlatformFault('not allowed: s3:PutObject', { passes: false })
      throw new BlobStoreError(cause.message, { cause })
    })
    await job.start('r1')
    await job.platform.until(() => job.checkpoints().length >= 1)
    await job.platform.request({ type: 'stop', requestId: 'r2', target: undefined, drain: false })
    const answerOf = async () => (await readJobStatus(runtime.log))?.answers['r2']
    await job.platform.until(async () => (await answerOf()) !== undefined)
    expect(await answerOf()).toMatchObject({
      type: 'failed',
      reason: 'task-error',
      message: expect.stringMatching(/^task:count#\d: its rows cannot be copied: not allowed: s3:PutObject$/),
    })
    await job.platform.until(job.status('FINISHED'))
    expect(job.platform.happenings.filter((one) => one.type === 'deployed')).toHaveLength(1)
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('goes on where environments come and go', async () => {
    const all = repeated(20_000, 97)
    const job = new WordCount().deploy({ words: all, parallelism: 2 })
    await job.start('r1')
    const ended = job.status('FINISHED')
    await job.platform.until(() => {
      job.platform.restartEnvironments()
      return ended()
    })
    expect(countsOf(job.out)).toEqual(exact(all))
  })
})

const UNALIGNED = { unaligned: true, retentionOnCancel: 'retain' }

/** Cancelled while much is under way. */
async function cancelled(all: readonly string[]): Promise<WordCount> {
  const job = new WordCount().deploy({ words: all, parallelism: 3, checkpointing: UNALIGNED })
  await job.start('r1')
  await job.platform.until(() => job.checkpoints().length >= 2)
  await job.platform.request({ type: 'cancel', requestId: 'r2' })
  await job.platform.until(job.status('CANCELED'))
  expect(await copiesIn(job)).toHaveLength(1)
  return job
}

async function copiesIn(job: WordCount): Promise<string[]> {
  const names = await job.platform.runtime.blobs.list('word-count/')
  return names.filter((name) => name.includes('/in-flight-'))
}

describe('unaligned checkpoints on functions', () => {
  test.each([1, 2, 5])(
    'are gone on from at parallelism %i, and what was copied for it goes',
    async (parallelism) => {
      const all = repeated(60_000, 97)
      const job = await cancelled(all)
      job.deploy({ words: all, parallelism, checkpointing: UNALIGNED })
      await job.start('r3', 'latest')
      // What comes of a restart before the next checkpoint.
      await job.platform.until(() => job.out.records.length > 0)
      job.platform.restartEnvironments()
      await job.platform.until(job.status('FINISHED'))
      expect(countsOf(job.out)).toEqual(exact(all))
      expect(await copiesIn(job)).toEqual([])
    },
  )

  test('are gone on from when the logs that had what was under way are long gone', async () => {
    const all = repeated(60_000, 97)
    const job = await cancelled(all)
    let expired = 0
    // As often as the job is visited.
    for (let week = 0; week < 8; week++) {
      job.clock.advance(7 * 24 * 3_600_000)
      await job.platform.request({ type: 'visit' })
      await job.platform.untilIdle()
      expired += job.world.log.expire()
    }
    expect(expired).toBeGreaterThan(0)
    const tasks = job.world.log.actors().filter((actor) => actorKind(actor) === 'task')
    expect(tasks.flatMap((task) => job.world.log.entries(task))).toEqual([])
    job.deploy({ words: all, parallelism: 3, checkpointing: UNALIGNED })
    await job.start('r3', 'latest')
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('are gone on from by the logs where it could not be copied, and the job says so', async () => {
    const all = repeated(60_000, 97)
    const job = new WordCount().deploy({ words: all, parallelism: 3, checkpointing: UNALIGNED })
    const { blobs } = job.world.ports()
    const put = vi
      .spyOn(job.platform.runtime.blobs, 'putIfAbsent')
      .mockImplementation(async (name, bytes) => {
        if (!name.includes('/in-flight-')) return blobs.putIfAbsent(name, bytes)
        throw new PlatformFault('not allowed: s3:PutObject', { passes: false })
      })
    await job.start('r1')
    await job.platform.until(() => job.checkpoints().length >= 2)
    await job.platform.request({ type: 'cancel', requestId: 'r2' })
    await job.platform.until(job.status('CANCELED'))
    const message = expect.stringMatching(
      /^checkpoint \d+: what was under way between tasks is not copied: .*PutObject.* for 28 days$/,
    )
    expect(job.platform.happenings).toContainEqual({ type: 'warning', message })
    expect(await readJobStatus(job.platform.runtime.log)).toMatchObject({ warnings: [{ message }] })
    expect(await copiesIn(job)).toEqual([])
    put.mockRestore()
    job.deploy({ words: all, parallelism: 2, checkpointing: UNALIGNED })
    await job.start('r3', 'latest')
    await job.platform.until(job.status('FINISHED'))
    expect(countsOf(job.out)).toEqual(exact(all))
  })

  test('are not gone on from where what was copied is missing, and the job says so', async () => {
    const all = repeated(60_000, 97)
    const job = await cancelled(all)
    for (const name of await copiesIn(job)) await job.platform.runtime.blobs.delete(name)
    job.deploy({ words: all, parallelism: 2, checkpointing: UNALIGNED })
    await job.start('r3', 'latest')
    await job.platform.until(async () => (await job.answer('r3')) !== undefined)
    const message = expect.stringMatching(/in-flight-\w+: what was under way at the checkpoint is missing/)
    expect(await job.answer('r3')).toMatchObject({ type: 'refused', message })
  })

  test.each(['0 ms', '200 ms'])(
    'with an aligned timeout of %s give exact results',
    async (alignedTimeout) => {
      const all = repeated(40_000, 97)
      let left = 3
      let seen = 0
      const job = new WordCount().deploy({
        words: all,
        parallelism: 3,
        checkpointing: { unaligned: true, alignedTimeout },
        onWord: () => {
          if (++seen % 9_000 === 0 && left-- > 0) throw new Error('no luck')
        },
      })
      await job.start('r1')
      const ended = job.status('FINISHED')
      await job.platform.until(() => {
        if (seen % 3 === 0) job.platform.restartEnvironments()
        return ended()
      })
      const deployed = job.platform.happenings.filter((one) => one.type === 'deployed')
      expect(deployed.at(-1)!.restoredFrom).toContain('chk-')
      expect(countsOf(job.out)).toEqual(exact(all))
    },
  )
})

test('what a sink warns of is told', async () => {
  const clock = new ManualClock(START_MS)
  const sink: WriterSink<string> = {
    type: 'writer',
    kind: 'wary',
    createWriter(ctx) {
      ctx.warn('mind the gap')
      return { write() {} }
    },
  }
  const job = defineJob({ name: 'wary' }, (env) => env.source('words', collection(['a'])).sinkTo('out', sink))
  const world = new MemoryWorld({ clock, mailbox: { queueOf: actorKind } })
  const platform = new LocalPlatform({ world, clock, ...deploymentOf(job, undefined) })
  const { happenings } = platform
  await platform.request({ type: 'start', requestId: 'r1', from: undefined, allowNonRestoredState: false })
  await platform.until(() => happenings.some((one) => one.type === 'status' && one.to === 'FINISHED'))
  expect(happenings).toContainEqual({ type: 'warning', message: 'mind the gap' })
})
