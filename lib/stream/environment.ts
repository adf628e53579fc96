import { SourceStream } from './data-stream.ts'
import { GraphBuilder } from './graph-builder.ts'
import type { OperatorOptions } from './operator-options.ts'
import type { StreamGraph } from './operator-spec.ts'
import type { Source } from './source.ts'

/** What a job's function builds its graph with. */
export interface StreamEnvironment {
  /**
   * Adds a source.
   * @param uid ties the source's position to it in checkpoints and savepoints; unique in the job.
   */
  source<T>(uid: string, source: Source<T>, options?: OperatorOptions): SourceStream<T>
}

/** A fresh environment; `finish` returns what was built with it. */
export function createEnvironment(): { readonly env: StreamEnvironment; readonly finish: () => StreamGraph } {
  const graph = new GraphBuilder()
  const env: StreamEnvironment = {
    source<T>(uid: string, source: Source<T>, options: OperatorOptions = {}): SourceStream<T> {
      const spec = { type: 'source', source } as const
      return new SourceStream(graph, graph.add({ spec, inputs: [], options: { ...options, uid } }))
    },
  }
  return { env, finish: () => graph.finish() }
}
