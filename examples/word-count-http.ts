/**
 * Counts words that come by HTTP.
 *
 * A record is a line of text. The answer 202 says that it is durable: kill the job (even by `kill -9`), run it again with
 * `--from latest`, and every accepted line is counted, once. A request that is sent again under the same
 * `Idempotency-Key` is not counted twice.
 *
 *     npx millrace run examples/word-count-http.ts
 *     curl -H 'content-type: application/json' -d '{ "line": "to be or not to be" }' http://127.0.0.1:8080/lines
 */
import { defineJob, fixedDelay, http, print, type JobDefinition, type Sink, type Source } from 'millrace'
import * as z from 'zod'

export interface WordCount {
  readonly word: string
  /** How often it has come so far. */
  readonly count: number
}

export interface Line {
  readonly line: string
}

/** A line is an object, or just its text. */
export const line: z.ZodType<Line> = z.union([
  z.object({ line: z.string() }),
  z.string().transform((text) => ({ line: text })),
])

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? []
}

export function wordCountHttp(
  lines: Source<Line>,
  counts: Sink<WordCount>,
  split: (text: string) => readonly string[] = wordsOf,
): JobDefinition {
  return defineJob(
    {
      name: 'word-count-http',
      checkpointing: { interval: '1 s' },
      restart: fixedDelay({ attempts: 3, delay: '1 s' }),
    },
    (env) => {
      env
        .source('lines', lines)
        .flatMap(({ line: text }) => split(text), { uid: 'words' })
        .map((word) => ({ word, count: 1 }), { uid: 'ones' })
        .keyBy(({ word }) => word)
        .sum('count', 'count')
        .sinkTo('counts', counts)
    },
  )
}

export default wordCountHttp(http({ schema: line }), print())
