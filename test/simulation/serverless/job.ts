import {
  boundedOutOfOrderness,
  defineJob,
  http,
  type DataStream,
  type JobDefinition,
  type JobOptions,
  type OperatorOptions,
} from '../../../lib/index.ts'
import type { Item } from '../program.ts'
import { streamOf } from '../simulated-job.ts'
import type { ServerlessProgram } from './case.ts'
import { forget, remember } from './memory.ts'
import { poisoned } from './poison.ts'
import { committedSink, transactionalSink, writerSink, type SinkSurroundings } from './sinks.ts'
import { replayableSource, type SourceSurroundings } from './source.ts'
import { upsertSink } from './upserts.ts'

/** What the user's code of one process meets. */
export interface JobSurroundings extends SinkSurroundings, SourceSurroundings {
  /** No timer fires before its time by this clock, whoever's clock is ahead. */
  readonly latestNow: () => number
  readonly skewMs: number
}

/** The program as a job of Millrace, as one process loads it. */
export function serverlessJob(
  { program, memory, ttlMs, committedSinks, padding, fedByHttp, hasPoison }: ServerlessProgram,
  options: JobOptions,
  around: JobSurroundings,
): JobDefinition {
  const { called, outside, chance, skewMs } = around
  const functions = { faults: { at: called }, outside, chance, clock: { now: around.latestNow } }
  const memories = { called, untimely: outside.untimely, skewMs }
  const sinks = {
    transactional: transactionalSink,
    writer: committedSinks ? committedSink : writerSink,
    upsert: upsertSink,
  }
  return defineJob(options, (env) => {
    const streams: DataStream<Item>[] = []
    for (const [index, node] of program.nodes.entries()) {
      const placed: OperatorOptions = {
        chaining: node.chaining,
        ...(node.parallelism === undefined ? {} : { parallelism: node.parallelism }),
      }
      if (node.type === 'source') {
        const source = fedByHttp
          ? http<Item>({ ...idOf(index) })
          : replayableSource(padded(node.splits, padding), around)
        const read = env.source(`source-${index}`, source, placed)
        let stream = (hasPoison ? poisoned(read, index, placed) : read).withTimestamps(
          ({ ts }) => ts,
          boundedOutOfOrderness(2 * program.jitterMs + 1),
          placed,
        )
        if (memory.includes('remember'))
          stream = remember(stream, node.splits, `remember-${index}`, ttlMs, placed, memories)
        if (memory.includes('forget')) stream = forget(stream, `forget-${index}`, ttlMs, placed, memories)
        streams.push(stream)
      } else if (node.type === 'sink') {
        streams[node.input]!.sinkTo(`sink-${index}`, sinks[node.form](index, around), placed)
        streams.push(streams[node.input]!)
      } else streams.push(streamOf(node, index, streams, placed, functions))
    }
  })
}

/** Every other source knows repeats of an item by the item, and not only those of a request. */
function idOf(index: number): { recordId?: (item: Item) => string } {
  return index % 2 === 0 ? {} : { recordId: ({ key, n }) => `${key} ${n}` }
}

/** Items with something to carry, so that messages and log entries grow out of their places. */
function padded(splits: readonly (readonly Item[])[], padding: string): readonly (readonly Item[])[] {
  if (padding === '') return splits
  return splits.map((items) => items.map((item) => ({ ...item, padding })))
}
