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

/**
 * Fetches every row that a turn can touch: of the keys of the first records on each channel, as many as it takes at most, and
 * of keys whose timers can fire.
 */
export async function prefetch(
  { state }: View<TaskState>,
  { keyed, keyGroups }: TaskWiring,
  live: LiveTask,
  rows: TaskRows,
  turn: { readonly nowMs: number; readonly inputs: readonly Input[]; readonly recordsMax: number },
): Promise<void> {
  if (keyed === undefined) return
  const keys: Key[] = []
  let watermarkMs = state.progress?.firingUpToMs ?? Number.NEGATIVE_INFINITY
  const counts = new Map<string, number>()
  for (const waiting of [...state.stash, ...turn.inputs.map(elementsOf)]) {
    // Operators within a chain have no keys.
    if (waiting === undefined || (waiting.at !== undefined && waiting.at.targetUid !== keyed.uid)) continue
    const channel = waiting.at === undefined ? `${waiting.edge} ${waiting.from}` : ''
    for (const element of waiting.elements) {
      if (element.kind === 'watermark') watermarkMs = Math.max(watermarkMs, element.timestampMs)
      const before = counts.get(channel) ?? 0
      if (element.kind !== 'records' || before >= turn.recordsMax) continue
      counts.set(channel, before + element.values.length)
      for (const value of element.values) {
        const key = keyOrNothing(keyed.keyOf, value)
        if (key !== undefined) keys.push(key)
      }
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
