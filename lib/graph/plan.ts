import type { OperatorUid } from '../model/ids.ts'
import type { KeySelector, OperatorSpec, Partitioning } from '../stream/operator-spec.ts'
import type { Resources } from './resources.ts'

/** The chained, parallel form of a program: what a runtime executes. */
export interface JobPlan {
  readonly jobName: string
  /** In topological order: a vertex comes after all that feed it. */
  readonly vertices: readonly JobVertex[]
  readonly edges: readonly JobEdge[]
  /** Changes when uids, state, partitioning or maximum parallelism change; not with parallelism or user code. */
  readonly fingerprint: string
  /** Operators that can have dead letters, where no stream takes them: a runtime keeps those itself. */
  readonly unconsumedDeadLetters: readonly OperatorUid[]
}

/** A chain of operators that run together; it runs as `parallelism` tasks. */
export interface JobVertex {
  /** The uid of the chain's head. */
  readonly id: string
  readonly index: number
  /** `words -> count`. */
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  /** Set where an operator of it asks for a queue and a function of its own. */
  readonly resources: Resources | undefined
  /** Head first; an operator comes after the one that feeds it. */
  readonly operators: readonly ChainedOperator[]
  /** Indexes into JobPlan.edges. Empty for sources. */
  readonly inputEdges: readonly number[]
  readonly outputEdges: readonly number[]
}

export interface ChainedOperator {
  readonly uid: OperatorUid
  readonly name: string
  readonly spec: OperatorSpec
  /** Set where the operator works on a keyed stream. */
  readonly keySelector: KeySelector | undefined
  /** Index within the chain of the operator that feeds it; undefined for the head. */
  readonly parent: number | undefined
  /** The side output of the parent that feeds it; undefined for the main output. */
  readonly parentTagId: string | undefined
}

/** An edge between two chains. `forward` joins subtask i to subtask i; the others join every one to every one. */
export interface JobEdge {
  readonly index: number
  readonly sourceVertex: number
  /** Index within the source's chain of the operator whose output it takes. */
  readonly sourceOperator: number
  readonly tagId: string | undefined
  readonly targetVertex: number
  /** Of the operator that takes it: the target's head. */
  readonly targetUid: OperatorUid
  readonly inputIndex: number
  readonly partitioning: Partitioning
  /** For `hash`. */
  readonly keySelector: KeySelector | undefined
}
