import { keyGroupRange } from '../model/key-groups.ts'
import { createOperator } from '../operators/create-operator.ts'
import type { Operator, Receiver } from '../operators/operator.ts'
import { stateSpecOf } from '../operators/state-spec.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'
import type { ChainedOperator } from '../graph/plan.ts'
import type { KeyedStateBackend } from '../state/keyed-backend.ts'
import { HeapOperatorState } from '../state/operator-state.ts'
import type { OperatorStateBackend } from '../state/operator-state.ts'
import { buildChain, type ChainExit, type ChainLinks } from './operator-chain.ts'
import { PoisonGuard, type GuardedPlace } from './poison-guard.ts'
import { calledBy, RecordWriter } from './record-writer.ts'
import type { TaskEnvironment, TaskRestore, TaskSpec } from './task-spec.ts'

/** An operator of a task with the state it works on. */
export interface TaskOperator {
  readonly uid: string
  readonly name: string
  readonly operator: Operator
  /** Takes the operator's records: itself, or what keeps from it those that it cannot process. */
  readonly entrance: Receiver
  readonly keyedState: KeyedStateBackend | undefined
  readonly operatorState: OperatorStateBackend
}

/** Makes the operators of a task, with their restored state, and the writers at the ends of its chain. */
export function buildOperators(
  spec: TaskSpec,
  restore: TaskRestore,
  env: TaskEnvironment,
  now: () => number,
): { operators: TaskOperator[]; writers: RecordWriter[] } {
  const operators: TaskOperator[] = []
  /** By operator, where its dead letters go. */
  const letters: (Receiver | undefined)[] = []
  const writers: RecordWriter[] = []
  const exits = spec.outputs.map((output): ChainExit => {
    const origin = spec.vertex.operators[output.edge.sourceOperator]!
    const writer = new RecordWriter(
      output.edge,
      {
        operatorUid: origin.uid,
        operatorName: origin.name,
        subtaskIndex: spec.subtaskIndex,
        targetParallelism: output.targetParallelism,
        targetMaxParallelism: output.targetMaxParallelism,
      },
      env.send,
    )
    writers.push(writer)
    const { sourceOperator: operator, tagId, partitioning } = output.edge
    // On other edges nothing of the user's is called.
    if (partitioning !== 'hash') return { operator, tagId, writer }
    const guarded = guard(writer, spec, {
      operatorUid: origin.uid,
      called: calledBy(output.edge),
      letters: () => letters[operator],
      metrics: () => operators[operator]!.operator.metrics,
    })
    return { operator, tagId, writer: guarded }
  })
  const backends: KeyedStateBackend[] = []
  try {
    buildChain(spec.vertex, exits, (chained, index, links) => {
      const made = makeOperator(chained, links, { spec, restore, env, now, backends })
      operators[index] = made
      letters[index] = links.sideOutput(DEAD_LETTERS_TAG)
      return made.entrance
    })
  } catch (cause) {
    // There will be no task to close them.
    for (const backend of backends) backend.close()
    throw cause
  }
  return { operators, writers }
}

interface Surroundings {
  readonly spec: TaskSpec
  readonly restore: TaskRestore
  readonly env: TaskEnvironment
  readonly now: () => number
  /** Every backend that was made. */
  readonly backends: KeyedStateBackend[]
}

function makeOperator(chained: ChainedOperator, links: ChainLinks, around: Surroundings): TaskOperator {
  const { spec, restore, env, now } = around
  const { uid, name } = chained
  const restored = restore.operators.get(uid)
  const keyedState = keyedStateOf(chained, around)
  const operatorState = new HeapOperatorState(restored?.operatorState, uid)
  const operator = createOperator(chained.spec, {
    jobName: spec.jobName,
    runId: spec.runId,
    uid,
    name,
    subtaskIndex: spec.subtaskIndex,
    parallelism: spec.vertex.parallelism,
    attempt: spec.attempt,
    output: links.output,
    sideOutput: (tagId) => links.sideOutput(tagId),
    keySelector: chained.keySelector,
    keyedState,
    operatorState,
    isRestored: restore.isRestored && restored !== undefined,
    isResumed: restore.resumes !== undefined,
    turns: env.turns,
    outside: env.outside,
    jobObjects: env.jobObjects,
    now,
    enumerateSplits: (source) => env.enumerateSplits(uid, source),
    wakeUp: () => env.wakeUp(),
    warn: (message) => env.warn(message),
    ingest: env.ingest,
    autoWatermarkIntervalMs: spec.autoWatermarkIntervalMs,
  })
  const entrance = guard(operator, spec, {
    operatorUid: uid,
    called: { stage: 'operator' },
    letters: () => links.sideOutput(DEAD_LETTERS_TAG),
    metrics: () => operator.metrics,
  })
  return { uid, name, operator, entrance, keyedState, operatorState }
}

/** `receiver` itself, where none of the operator's records is poison. */
function guard(receiver: Receiver, { poisonRecords = [] }: TaskSpec, place: GuardedPlace): Receiver {
  const poison = poisonRecords.filter(({ operatorUid }) => operatorUid === place.operatorUid)
  return poison.length === 0 ? receiver : new PoisonGuard(receiver, place, poison)
}

function keyedStateOf(chained: ChainedOperator, around: Surroundings): KeyedStateBackend | undefined {
  const { spec, restore, env, now } = around
  const declared = stateSpecOf(chained.spec)
  if (declared === undefined) return undefined
  const { parallelism, maxParallelism } = spec.vertex
  const backend = env.stateBackends.create({
    operatorUid: chained.uid,
    spec: declared,
    maxParallelism,
    keyGroups: keyGroupRange(maxParallelism, parallelism, spec.subtaskIndex),
  })
  around.backends.push(backend)
  backend.setNow(now())
  const segments = restore.operators.get(chained.uid)?.segments ?? []
  if (segments.length > 0) backend.restore(segments, restore.unknownState)
  if (!restore.ownsSegments) backend.markAllChanged()
  return backend
}
