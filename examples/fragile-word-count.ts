/**
 * Counts words from a text socket; the word `bug` crashes the job.
 *
 * Shows restarts from checkpoints, and checkpoints that outlive the job: the counts before the last checkpoint
 * survive each crash, and the whole job when it is cancelled and submitted again.
 *
 *     nc -lk 9999                                     # type words, and now and then: bug
 *     npx millrace run examples/fragile-word-count.ts
 *
 * Stop it with Ctrl-C, and let it count on from where it was:
 *
 *     npx millrace run examples/fragile-word-count.ts --from latest
 *
 * A socket cannot be read again: words received after the last checkpoint are lost with a crash. From a source that
 * can, such as a file, every word counts exactly once.
 */
import {
  defineJob,
  fixedDelay,
  print,
  socketText,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

export interface WordCount {
  readonly word: string
  readonly count: number
}

function words(line: string): WordCount[] {
  return line
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      if (word === 'bug') throw new Error('A bug was found in the input')
      return { word, count: 1 }
    })
}

export function fragileWordCount(lines: Source<string>, counts: Sink<WordCount>): JobDefinition {
  return defineJob(
    {
      name: 'fragile-word-count',
      checkpointing: {
        interval: '1 s',
        minPause: '500 ms',
        timeout: '1 min',
        mode: 'exactly-once',
        maxConcurrent: 1,
        tolerableFailures: 10,
        retentionOnCancel: 'retain',
      },
      restart: fixedDelay({ attempts: 3, delay: '5 s' }),
    },
    (env) => {
      env
        .source('lines', lines)
        .flatMap(words, { uid: 'words' })
        .keyBy(({ word }) => word)
        .sum('count', 'count')
        .sinkTo('counts', counts)
    },
  )
}

export default fragileWordCount(
  socketText({ host: 'localhost', port: 9999, maxRetries: Infinity }),
  print({ format: ({ word, count }) => `${word}: ${count}` }),
)
