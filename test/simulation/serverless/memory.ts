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
 * shown later has to be what it remembers.
 */
export function remember(
  stream: DataStream<Item>,
  uid: string,
  ttlMs: number,
  placed: OperatorOptions,
  { called, untimely, skewMs }: MemorySurroundings,
): DataStream<Item> {
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
          if (last !== undefined) {
            if (item.n <= last.n) wrong(item, `its predecessor is ${last.n}`)
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
          const before = [...state.order.get()]
          if (before.length !== [...state.seen.keys()].length) wrong(item, `its list holds ${before.join()}`)
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
