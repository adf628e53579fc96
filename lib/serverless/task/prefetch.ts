import { COORDINATOR } from '../../model/actors.ts'
import type { Key } from '../../model/keys.ts'
import type { Input, View } from '../actor/behaviour.ts'
import type { ElementsPayload, Stashed } from '../protocol.ts'
import type { TaskRows } from '../state/task-rows.ts'
import type { LiveTask } from './live-task.ts'
import type { TaskState } from './task-state.ts'
import type { TaskWiring } from './task-wiring.ts'

/** Timers whose rows one turn fetches. */
const TIMERS_FETCHED_PER_TURN = 1_000

/** Fetches every row that a turn can touch: of its first records' keys, and of keys whose timers can fire. */
export async function prefetch(
  { state }: View<TaskState>,
  wiring: TaskWiring,
  live: LiveTask,
  rows: TaskRows,
  turn: { readonly nowMs: number; readonly inputs: readonly Input[]; readonly recordsMax: number },
): Promise<void> {
  const { keyed, keyGroups } = wiring
  if (keyed === undefined) return
  const keys: Key[] = []
  let watermarkMs = state.progress?.firingUpToMs ?? Number.NEGATIVE_INFINITY
  const waiting = state.stash.filter((stashed) => {
    // Operators within a chain have no keys; and a channel that is blocked now is so until the turn ends.
    if (stashed.at !== undefined) return stashed.at.targetUid === keyed.uid
    return !live.task.isBlocked(wiring.channelOf(stashed.from, stashed.edge)!)
  })
  const elements = [...waiting, ...turn.inputs.map(elementsOf)].flatMap((one) => one?.elements ?? [])
  for (const element of elements) {
    if (element.kind === 'watermark') watermarkMs = Math.max(watermarkMs, element.timestampMs)
    if (element.kind !== 'records' || keys.length >= turn.recordsMax) continue
    for (const value of element.values) {
      const key = keyOrNothing(keyed.keyOf, value)
      if (key !== undefined) keys.push(key)
    }
  }
  await rows.fetchKeys(state.keyed, keyed.uid, keys)
  const backend = live.backends.of(keyed.uid)
  if (backend === undefined) return
  const upToMs = { event: watermarkMs, processing: state.started ? turn.nowMs : Number.NEGATIVE_INFINITY }
  for (const domain of ['event', 'processing'] as const) {
    const due = await rows.fetchDueTimers(
      state.keyed,
      keyed.uid,
      keyGroups,
      domain,
      upToMs[domain],
      TIMERS_FETCHED_PER_TURN,
    )
    backend.warm(domain, due.keys, due.coldFromMs)
  }
}

function elementsOf(input: Input): Stashed | undefined {
  if (input.type !== 'message' || input.from === COORDINATOR) return undefined
  const { edge, elements } = input.payload as ElementsPayload
  return { from: input.from, edge, elements }
}

/** A selector that throws does so again where its record is processed, and there it is the job's failure. */
function keyOrNothing(keyOf: (value: unknown) => Key, value: unknown): Key | undefined {
  try {
    return keyOf(value)
  } catch {
    return undefined
  }
}
