import { join } from 'node:path'
import { deadLetterFile } from '../connectors/index.ts'
import type { JobPlan } from '../graph/plan.ts'
import type { JobConfig } from '../stream/config.ts'
import type { StreamGraph, StreamNode } from '../stream/operator-spec.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'
import type { OperatorFigures } from './job-handle.ts'

/** Adds, for each source whose dead letters no stream takes, a sink that keeps them in files: nothing is lost. */
export function addDeadLetterSinks(graph: StreamGraph, plan: JobPlan, config: JobConfig): StreamGraph {
  const sinks = plan.unconsumedDeadLetters.map((uid, index): StreamNode => {
    const from = graph.nodes.find((node) => node.uid === uid)!
    return {
      id: graph.nodes.length + index,
      uid: sinkUid(uid),
      name: `${uid} dead letters`,
      spec: { type: 'sink', sink: deadLetterFile(directoryOf(config, uid)) },
      inputs: [{ from, tagId: DEAD_LETTERS_TAG, partitioning: 'default', inputIndex: 0 }],
      keySelector: undefined,
      parallelism: from.parallelism,
      maxParallelism: undefined,
      chaining: 'always',
      resources: undefined,
    }
  })
  return { ...graph, nodes: [...graph.nodes, ...sinks] }
}

/** What to tell the user of records that went to those sinks: how many, and where they are. */
export function deadLetterNotices(operators: readonly OperatorFigures[], config: JobConfig): string[] {
  const uids = new Set(operators.map(({ uid }) => uid))
  return operators
    .filter(({ uid, numDeadLetters }) => numDeadLetters > 0 && uids.has(sinkUid(uid)))
    .map(({ uid, name, numDeadLetters }) => {
      const records = numDeadLetters === 1 ? 'a record that it' : `${numDeadLetters} records that it`
      return `Source '${name}' found ${records} could not parse; see ${directoryOf(config, uid)}`
    })
}

function sinkUid(sourceUid: string): string {
  return `${sourceUid}.dead-letters`
}

function directoryOf(config: JobConfig, sourceUid: string): string {
  return join(config.deadLettersDirectory, config.name, sourceUid)
}
