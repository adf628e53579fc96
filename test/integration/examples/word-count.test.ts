import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileSink, textFile, type RunOptions } from 'millrace'
import { describe, expect, test } from 'vitest'
import { mobyDick, wordCount, wordsOf, type WordCount } from '../../../examples/word-count.ts'
import { temporaryDirectory, TestJob } from './support.ts'

const isLetter = (character: string | undefined): boolean =>
  character !== undefined && character.toLowerCase() !== character.toUpperCase()

/** Another way to the same words: goes through the whole text a character at a time, and knows no lines. */
function plainCount(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  let word = ''
  for (let at = 0; at <= text.length; at++) {
    const character = text[at]
    const joins = (character === "'" || character === '’') && word !== '' && isLetter(text[at + 1])
    if (isLetter(character) || joins) word += character!.toLowerCase()
    else if (word !== '') {
      counts.set(word, (counts.get(word) ?? 0) + 1)
      word = ''
    }
  }
  return counts
}

const expected = plainCount(readFileSync(mobyDick, 'utf8'))

/** The lines of a directory of files, those of one subtask in order of their names. */
function readCounts(directory: string): WordCount[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith('part-'))
    .toSorted()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as WordCount)
}

/** Each word is counted 1, 2, 3, … to its number, each step once and in order. */
function expectExactCounts(counts: readonly WordCount[]): void {
  const reached = new Map<string, number>()
  const wrong = counts.filter(({ word, count }) => {
    const isNext = count === (reached.get(word) ?? 0) + 1
    reached.set(word, count)
    return !isNext
  })
  expect(wrong).toEqual([])
  expect(reached).toEqual(expected)
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
    expectExactCounts(readCounts(directory))
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
    expectExactCounts(readCounts(directory))
  })
})
