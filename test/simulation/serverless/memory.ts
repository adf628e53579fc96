import { listState, mapState, valueState, type DataStream, type OperatorOptions } from '../../../lib/index.ts'
import type { Item } from '../program.ts'

export interface MemorySurroundings {
  readonly called: () => void
  /** Told of what no job that counts every record once may do. */
  readonly untimely: string[]
  /** Between two clocks, at most. */
  readonly skewMs: number
}

/**
 * Passes every item on as it is, and remembers it in every kind of state, with and without a time-to-live; whatever it is
 * shown later has to be what it remembers, and the last that it remembers the one that came before.
 */
export function remember(
  stream: DataStream<Item>,
  splits: readonly (readonly Item[])[],
  uid: string,
  ttlMs: number,
  placed: OperatorOptions,
  { called, untimely, skewMs }: MemorySurroundings,
): DataStream<Item> {
  const predecessors = predecessorsIn(splits)
  const wrong = (item: Item, what: string): void => {
    untimely.push(`${uid}: at ${item.key} ${item.n}, ${what}`)
  }
  return stream
    .keyBy(({ key }) => key)
    .map(
      uid,
      {
        state: {
          last: valueState<{ readonly n: number; readonly atMs: number }>(),
          recent: valueState<number>({ ttl: ttlMs }),
          seen: mapState<number, number>(),
          order: listState<number>(),
          brief: mapState<number, number>({ ttl: ttlMs }),
        },
        map: (item: Item, { state, currentProcessingTime }) => {
          called()
          const nowMs = currentProcessingTime()
          const last = state.last.value()
          const before = predecessors.get(`${item.key} ${item.n}`)
          if (last?.n !== before) wrong(item, `its predecessor is ${last?.n}, not ${before}`)
          if (last !== undefined) {
            if (state.seen.get(last.n) !== last.atMs) wrong(item, `${last.n} is not in its map`)
            const recent = state.recent.value()
            const dueMs = last.atMs + ttlMs
            if (recent === undefined && nowMs + 2 * skewMs < dueMs)
              wrong(item, `a value of ${last.atMs} is gone by ${nowMs}`)
            if (recent !== undefined && recent !== last.n)
              wrong(item, `its value is of ${recent}, not ${last.n}`)
            if (recent !== undefined && dueMs <= nowMs)
              wrong(item, `a value of ${last.atMs} is shown at ${nowMs}`)
          }
          const order = [...state.order.get()]
          if (order.length !== [...state.seen.keys()].length) wrong(item, `its list holds ${order.join()}`)
          for (const [n, atMs] of state.brief.entries())
            if (atMs + ttlMs <= nowMs) wrong(item, `an entry of ${n} is shown at ${nowMs}`)
          state.last.update({ n: item.n, atMs: nowMs })
          state.recent.update(item.n)
          state.seen.put(item.n, nowMs)
          state.order.add(item.n)
          state.brief.put(item.n, nowMs)
          return item
        },
      },
      placed,
    )
}

/** By key and number of an item: the number of the last of its key before it. Every key is of one split, and in its order. */
function predecessorsIn(splits: readonly (readonly Item[])[]): ReadonlyMap<string, number> {
  const known = PREDECESSORS.get(splits)
  if (known !== undefined) return known
  const predecessors = new Map<string, number>()
  const last = new Map<string, number>()
  for (const { key, n } of splits.flat()) {
    const before = last.get(key)
    if (before !== undefined) predecessors.set(`${key} ${n}`, before)
    last.set(key, n)
  }
  PREDECESSORS.set(splits, predecessors)
  return predecessors
}

/** Each process of a case asks for the same. */
const PREDECESSORS = new WeakMap<readonly (readonly Item[])[], ReadonlyMap<string, number>>()

/** Passes every item on as it is, and keeps nothing that does not expire: its rows may vanish. */
export function forget(
  stream: DataStream<Item>,
  uid: string,
  ttlMs: number,
  placed: OperatorOptions,
  { called, untimely }: MemorySurroundings,
): DataStream<Item> {
  return stream
    .keyBy(({ key }) => key)
    .map(
      uid,
      {
        state: { recent: valueState<number>({ ttl: ttlMs }) },
        map: (item: Item, { state, currentProcessingTime }) => {
          called()
          const nowMs = currentProcessingTime()
          const atMs = state.recent.value()
          if (atMs !== undefined && atMs + ttlMs <= nowMs)
            untimely.push(`${uid}: ${atMs} is shown at ${nowMs}`)
          state.recent.update(nowMs)
          return item
        },
      },
      placed,
    )
}
