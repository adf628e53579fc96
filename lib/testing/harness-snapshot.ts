import type { JobPlan, JobVertex } from '../graph/plan.ts'
import { MIN_WATERMARK } from '../model/elements.ts'
import { UserError } from '../model/faults.ts'
import type { RestoredSegment } from '../state/keyed-backend.ts'
import { redistributeOperatorState, type OperatorStateSnapshot } from '../state/operator-state.ts'
import type { TaskSnapshot } from '../task/task-snapshot.ts'
import type { OperatorRestore, TaskRestore } from '../task/task-spec.ts'

/** What a harness's checkpoint holds: plain data, to be handed to another harness and not to be looked into. */
export interface HarnessSnapshot {
  readonly checkpointId: number
  readonly attempt: number
  /** Processing time when it was taken. */
  readonly nowMs: number
  readonly watermarksMs: Readonly<Record<string, number>>
  readonly operators: Readonly<Record<string, SnapshotOfOperator>>
}

interface SnapshotOfOperator {
  readonly maxParallelism: number
  /** Oldest first. */
  readonly segments: readonly RestoredSegment[]
  /** By subtask. */
  readonly operatorState: readonly OperatorStateSnapshot[]
}

/** Keeps what the tasks hand over at barriers. Keyed state comes as changes: a snapshot needs all of them so far. */
export class SnapshotStore {
  readonly #plan: JobPlan
  readonly #attempt: number
  readonly #segments = new Map<string, RestoredSegment[]>()

  constructor(plan: JobPlan, attempt: number, restored: HarnessSnapshot | undefined) {
    this.#plan = plan
    this.#attempt = attempt
    for (const [uid, { segments }] of Object.entries(restored?.operators ?? {})) {
      this.#segments.set(uid, [...segments])
    }
  }

  /** `ofTask` gives the snapshot of each task. */
  add(
    checkpointId: number,
    nowMs: number,
    ofTask: (vertex: JobVertex, subtaskIndex: number) => TaskSnapshot,
  ): HarnessSnapshot {
    const operators: Record<string, SnapshotOfOperator> = {}
    const watermarksMs: Record<string, number> = {}
    for (const vertex of this.#plan.vertices) {
      const subtasks = Array.from({ length: vertex.parallelism }, (_, subtask) => ofTask(vertex, subtask))
      watermarksMs[vertex.id] = Math.min(...subtasks.map((subtask) => subtask.watermarkMs))
      for (const [index, { uid }] of vertex.operators.entries()) {
        const segments = this.#segments.get(uid) ?? []
        this.#segments.set(uid, segments)
        for (const [subtask, { operators: ofSubtask }] of subtasks.entries()) {
          const delta = ofSubtask[index]!.keyed
          if (delta === undefined) continue
          const name = `${uid}, attempt ${this.#attempt}, checkpoint ${checkpointId}, subtask ${subtask}`
          segments.push({ name, bytes: delta.segment })
        }
        operators[uid] = {
          maxParallelism: vertex.maxParallelism,
          segments: [...segments],
          operatorState: subtasks.map((subtask) => subtask.operators[index]!.operatorState),
        }
      }
    }
    return { checkpointId, attempt: this.#attempt, nowMs, watermarksMs, operators }
  }
}

/**
 * What each task of `plan` begins with.
 * @throws UserError if the snapshot holds state that the plan has no place for.
 */
export function restoreFrom(
  snapshot: HarnessSnapshot | undefined,
  plan: JobPlan,
): (vertex: JobVertex, subtaskIndex: number) => TaskRestore {
  if (snapshot === undefined) return () => FRESH
  const problems = unclaimed(snapshot, plan)
  if (problems.length > 0) throw new UserError(problems)
  return (vertex, subtaskIndex) => ({
    isRestored: true,
    watermarkMs: snapshot.watermarksMs[vertex.id] ?? MIN_WATERMARK,
    inputEnded: false,
    unknownState: 'refuse',
    ownsSegments: true,
    operators: new Map(
      vertex.operators.flatMap(({ uid }): [string, OperatorRestore][] => {
        const held = snapshot.operators[uid]
        if (held === undefined) return []
        const { segments, operatorState } = held
        const own = redistributeOperatorState(operatorState, vertex.parallelism)[subtaskIndex]
        return [[uid, { segments, operatorState: own }]]
      }),
    ),
  })
}

const FRESH: TaskRestore = {
  isRestored: false,
  watermarkMs: MIN_WATERMARK,
  inputEnded: false,
  operators: new Map(),
  unknownState: 'refuse',
  ownsSegments: true,
}

function unclaimed({ operators }: HarnessSnapshot, plan: JobPlan): string[] {
  const vertexOf = new Map(
    plan.vertices.flatMap((vertex) => vertex.operators.map(({ uid }) => [uid as string, vertex] as const)),
  )
  return Object.entries(operators).flatMap(([uid, { segments, operatorState, maxParallelism }]) => {
    const hasState = segments.length > 0 || operatorState.some((state) => Object.keys(state).length > 0)
    const vertex = vertexOf.get(uid)
    if (!hasState) return []
    if (vertex === undefined) {
      return [`the snapshot holds state of operator '${uid}', which the harness's job does not have`]
    }
    return vertex.maxParallelism === maxParallelism || segments.length === 0
      ? []
      : [
          `operator '${uid}': expected maxParallelism ${maxParallelism} as in the snapshot, got ${vertex.maxParallelism}`,
        ]
  })
}
