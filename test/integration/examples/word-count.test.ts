import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileSink, textFile, type RunOptions } from 'millrace'
import { describe, expect, test } from 'vitest'
import { plainCount } from '../../../demo/plain-count.ts'
import { readCounts } from '../../../demo/read-counts.ts'
import { mobyDick, wordCount, wordsOf } from '../../../examples/word-count.ts'
import { temporaryDirectory, TestJob, until } from './support.ts'

const expected = plainCount(readFileSync(mobyDick, 'utf8'))

/** Each word is counted 1, 2, 3, … to its number, each step once and in order. */
function expectExactCounts(directory: string): void {
  const { totals, missteps } = readCounts(directory)
  expect(missteps).toEqual([])
  expect(totals).toEqual(expected)
}

test('the book is the one we know', () => {
  expect(expected.size).toBeGreaterThan(16_000)
  expect(expected.get('whale')).toBeGreaterThan(1_000)
  expect(wordsOf("“Don't be a fool, Ishmael—the sperm-whale’s tail!”")).toEqual([
    "don't",
    'be',
    'a',
    'fool',
    'ishmael',
    'the',
    'sperm',
    'whale’s',
    'tail',
  ])
})

describe.each([1, 3])('with parallelism %i', (parallelism) => {
  const options: RunOptions = { parallelism, clock: undefined }

  test('every word of Moby Dick is counted', async () => {
    const directory = await temporaryDirectory()
    const job = await TestJob.start(
      wordCount(textFile(mobyDick), fileSink(directory, { format: 'json' })),
      options,
    )
    expect((await job.handle.result).status).toBe('FINISHED')
    expectExactCounts(directory)
  })

  test('a crash on the way changes nothing', async () => {
    const directory = await temporaryDirectory()
    let lines = 0
    let crashed = false
    const split = (line: string): readonly string[] => {
      if (++lines > 10_000 && !crashed) {
        crashed = true
        throw new Error('There she blows')
      }
      return wordsOf(line)
    }
    const job = await TestJob.start(
      wordCount(textFile(mobyDick), fileSink(directory, { format: 'json' }), split),
      {
        ...options,
        set: {
          'execution.checkpointing.interval': '10 ms',
          'restart-strategy.fixed-delay.delay': '0',
        },
      },
    )
    expect(await job.handle.result).toMatchObject({ status: 'FINISHED', restarts: 1 })
    expectExactCounts(directory)
  })
})

test('a killed process goes on from its last checkpoint', async () => {
  const directory = await temporaryDirectory()
  const counts = join(directory, '.millrace/word-count')
  const cli = (...flags: readonly string[]): ChildProcess =>
    spawn(
      process.execPath,
      [
        '--conditions=millrace-source',
        '--import',
        createRequire(import.meta.url).resolve('tsx'),
        fileURLToPath(new URL('../../../cli/main.ts', import.meta.url)),
        'run',
        fileURLToPath(new URL('../../../examples/word-count.ts', import.meta.url)),
        ...flags,
      ],
      { cwd: directory, stdio: 'ignore' },
    )
  const first = cli('--set', 'execution.checkpointing.interval=20ms')
  await until(
    () => existsSync(counts) && readdirSync(counts).some((name) => name.startsWith('part-')),
    'some counts',
  )
  first.kill('SIGKILL')
  await once(first, 'exit')
  expect(readCounts(counts).totals).not.toEqual(expected)

  const [exitCode] = await once(cli('--from', 'latest'), 'exit')
  expect(exitCode).toBe(0)
  expectExactCounts(counts)
}, 60_000)
