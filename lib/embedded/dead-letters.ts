import { join } from 'node:path'
import { deadLetterFile } from '../connectors/index.ts'
import type { JobPlan } from '../graph/plan.ts'
import type { JobConfig } from '../stream/config.ts'
import type { StreamGraph, StreamNode } from '../stream/operator-spec.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'

/** Adds, for each source whose dead letters no stream takes, a sink that keeps them in files: nothing is lost. */
export function addDeadLetterSinks(graph: StreamGraph, plan: JobPlan, config: JobConfig): StreamGraph {
  const sinks = plan.unconsumedDeadLetters.map((uid, index): StreamNode => {
    const from = graph.nodes.find((node) => node.uid === uid)!
    return {
      id: graph.nodes.length + index,
      uid: `${uid}.dead-letters`,
      name: `${uid} dead letters`,
      spec: { type: 'sink', sink: deadLetterFile(join(config.deadLettersDirectory, config.name, uid)) },
      inputs: [{ from, tagId: DEAD_LETTERS_TAG, partitioning: 'default', inputIndex: 0 }],
      keySelector: undefined,
      parallelism: from.parallelism,
      maxParallelism: undefined,
      chaining: 'always',
    }
  })
  return { ...graph, nodes: [...graph.nodes, ...sinks] }
}
