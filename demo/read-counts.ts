import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WordCount } from '../examples/word-count.ts'

export interface CountsRead {
  /** Lines of output: one for each time a word was counted. */
  readonly lines: number
  /** The last count of each word. */
  readonly totals: ReadonlyMap<string, number>
  /** Counts that are not one more than the word's count before: something was lost there, or came twice. */
  readonly missteps: readonly WordCount[]
}

/** What a word count has published in `directory`: the files of a subtask in order of their names. */
export function readCounts(directory: string): CountsRead {
  const files = readdirSync(directory).filter((name) => name.startsWith('part-'))
  const counts = files
    .toSorted()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as WordCount)

  const totals = new Map<string, number>()
  const missteps = counts.filter(({ word, count }) => {
    const before = totals.get(word) ?? 0
    totals.set(word, count)
    return count !== before + 1
  })
  return { lines: counts.length, totals, missteps }
}
