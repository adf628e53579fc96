import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  collection,
  collectSink,
  deadLetters,
  defineJob,
  fixedDelay,
  noRestart,
  outputTag,
  runJob,
  sinkFunction,
  transactionalCollect,
  type,
  type DataStream,
  type DeadLetter,
  type JobEvent,
  type JobOptions,
} from '../../../lib/index.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-poison-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const WORDS = Array.from({ length: 2_000 }, (_, i) => `w${i}`)

const refuse =
  (...refused: readonly string[]) =>
  (word: string): string => {
    if (refused.includes(word)) throw new Error(`no ${word}`)
    return word
  }
const without = (...refused: readonly string[]): string[] =>
  WORDS.filter((word) => !refused.includes(word)).toSorted()

async function run(build: (words: DataStream<string>) => void, options: Partial<JobOptions> = {}) {
  const job = defineJob(
    {
      name: 'poisoned',
      parallelism: 2,
      checkpointing: { interval: '20 ms', directory: join(directory, 'checkpoints') },
      restart: fixedDelay({ attempts: 6, delay: 0 }),
      poisonRecords: { deadLetterAfter: 3 },
      deadLettersDirectory: join(directory, 'letters'),
      ...options,
    },
    (env) => build(env.source('words', collection(WORDS), { parallelism: 1 })),
  )
  const handle = await runJob(job)
  const warnings: string[] = []
  handle.onEvent((event: JobEvent) => {
    if (event.type === 'warning') warnings.push(event.message)
  })
  return { ...(await handle.result), warnings }
}

async function kept(uid: string): Promise<DeadLetter[]> {
  const folder = join(directory, 'letters', 'poisoned', uid)
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line) as DeadLetter)
}

describe('the failure of a job tells where its record came from', () => {
  test('on the channel to a task beyond the source', async () => {
    const job = defineJob({ name: 'fails', restart: noRestart() }, (env) => {
      env
        .source('words', collection(['a', 'b', 'c']))
        .keyBy((word) => word)
        .process('picky', {
          processElement(word) {
            if (word === 'b') throw new Error('not this one')
          },
        })
        .sinkTo('out', collectSink())
    })
    const { cause } = await (await runJob(job)).result
    expect(cause).toMatchObject({ operatorUid: 'picky', key: 'b', position: 'words#0, element 1, record 2' })
  })
})

describe('a record at which the job failed as often as it allows', () => {
  test('goes to the dead letters, once, and the job goes on without it', async () => {
    const sink = transactionalCollect<string>()
    const { status, restarts, warnings } = await run((words) =>
      words
        .keyBy((word) => word)
        .map('picky', { map: refuse('w7', 'w1999') })
        .sinkTo('out', sink),
    )
    expect({ status, restarts }).toEqual({ status: 'FINISHED', restarts: 6 })
    expect(sink.values.toSorted()).toEqual(without('w7', 'w1999'))
    const letters = await kept('picky')
    expect(letters.map(({ raw }) => raw).toSorted()).toEqual(['w1999', 'w7'])
    expect(letters.find(({ raw }) => raw === 'w7')).toMatchObject({
      operatorUid: 'picky',
      reason: 'no w7',
      position: expect.stringMatching(/^words#0, element \d+, record \d+$/) as string,
    })
    const told = warnings.filter((message) =>
      message.startsWith("Operator 'picky' threw at one record too often"),
    )
    expect(told).toHaveLength(2)
    expect(told.join('\n')).toContain('(no w7): it goes to its dead letters now')
    expect(warnings.filter((message) => !told.includes(message))).toEqual([
      `Operator 'picky' set aside records; see ${join(directory, 'letters', 'poisoned', 'picky')}`,
    ])
  })

  test.for<[string, string, (words: DataStream<string>, fn: (word: string) => string) => DataStream<string>]>(
    [
      ['a function in the task of its source', 'words.map-1', (words, fn) => words.map(fn)],
      [
        'the selector of a key',
        'words',
        (words, fn) => words.keyBy(fn).filter('all', { filter: () => true }),
      ],
    ],
  )('is kept, where it is %s that throws', async ([, uid, of]) => {
    const sink = transactionalCollect<string>()
    const { status } = await run((words) => of(words, refuse('w7')).sinkTo('out', sink))
    expect(status).toBe('FINISHED')
    expect(sink.values.toSorted()).toEqual(without('w7'))
    expect(await kept(uid)).toMatchObject([{ operatorUid: uid, raw: 'w7' }])
  })

  test('is set aside from the branch alone whose selector throws, with one letter', async () => {
    const sinks = Array.from({ length: 5 }, () => transactionalCollect<string>())
    const all = { filter: () => true }
    const again = outputTag<string>('again')
    const { status, restarts } = await run((words) => {
      const split = words.process('split', {
        emits: type<string>(),
        processElement(word, ctx) {
          ctx.collect(word)
          ctx.output(again, word)
        },
      })
      split.keyBy(refuse('w7')).filter('bad', all).sinkTo('to-bad', sinks[0]!)
      split
        .keyBy((word) => word)
        .filter('good', all)
        .sinkTo('to-good', sinks[1]!)
      split
        .rebalance()
        .map((word) => word)
        .sinkTo('to-dealt', sinks[2]!)
      split
        .broadcast()
        .map((word) => word)
        .sinkTo('to-broadcast', sinks[3]!)
      split
        .getSideOutput(again)
        .keyBy((word) => word)
        .filter('again', all)
        .sinkTo('to-again', sinks[4]!)
    })
    expect({ status, restarts }).toEqual({ status: 'FINISHED', restarts: 3 })
    const everywhere = [...WORDS, ...WORDS].toSorted()
    const expected = [without('w7'), without(), without(), everywhere, without()]
    expect(sinks.map(({ values }) => values.toSorted())).toEqual(expected)
    expect((await kept('split')).map(({ raw }) => raw)).toEqual(['w7'])
  })

  test('is kept, where it is a sink of the user that throws', async () => {
    const { status } = await run((words) =>
      words.sinkTo('out', sinkFunction({ invoke: (word: string) => void refuse('w7')(word) })),
    )
    expect(status).toBe('FINISHED')
    expect(await kept('out')).toMatchObject([{ operatorUid: 'out', raw: 'w7' }])
  })

  test('goes to the stream that takes the dead letters of its operator', async () => {
    const letters = transactionalCollect<DeadLetter>()
    await run((words) => {
      const picky = words.map(refuse('w7'), { uid: 'picky' })
      picky.sinkTo('out', transactionalCollect<string>())
      picky.getSideOutput(deadLetters).sinkTo('letters', letters)
    })
    expect(letters.values).toMatchObject([{ operatorUid: 'picky', reason: 'no w7', raw: 'w7' }])
  })

  test('ends the job where the strategy grants no restart more', async () => {
    const { status, cause } = await run(
      (words) => words.map(refuse('w7', 'w8'), { uid: 'picky' }).sinkTo('out', collectSink()),
      { parallelism: 1, restart: fixedDelay({ attempts: 3, delay: 0 }) },
    )
    expect({ status, message: cause?.message }).toEqual({ status: 'FAILED', message: 'no w8' })
  })
})
