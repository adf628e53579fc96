import type { IndexedTimer, RowPartition } from '../ports/row-store.ts'
import {
  decodeTime,
  encodeTime,
  isShortened,
  rowKeyOf,
  splitTimerSort,
  timerDomain,
  timerPartition,
  timerSort,
} from './dynamo-keys.ts'
import { numberOf, textOf, type DynamoTable, type Item } from './dynamo-table.ts'
import { inParallel } from './in-parallel.ts'

export type TimerDomain = 'event' | 'processing'

/** Entries forgotten at once. */
const DELETES_MAX = 50

/**
 * The earliest timers of rows, in order of time: one item for each row and domain, in a partition beside the rows'. An
 * entry is there before its row says so and goes after the row says otherwise, so it may be one too many, never one too few.
 */
export class TimerIndex {
  readonly #table: DynamoTable

  constructor(table: DynamoTable) {
    this.#table = table
  }

  async put(partition: RowPartition, domain: TimerDomain, timer: IndexedTimer): Promise<void> {
    const { timeMs, rowKey, position } = timer
    const sk = timerSort(domain, encodeTime(timeMs), rowKey)
    await this.#table.put(
      {
        pk: { S: timerPartition(partition) },
        sk: { S: sk },
        n: { N: String(position) },
        ...(isShortened(sk) && { k: { S: rowKey } }),
      },
      {
        expression:
          // There is none yet; or
          'attribute_not_exists(pk)' +
          // it is of an earlier row: keeps out a zombie, after which a forgetful reader would think a later entry an old one.
          ' OR n < :n',
        values: { ':n': { N: String(position) } },
      },
    )
  }

  /** Removes the entry of a timer that the row at `position` has no more. */
  async outdate(
    partition: RowPartition,
    domain: TimerDomain,
    time: string,
    rowKey: string,
    position: number,
  ): Promise<void> {
    await this.#table.delete(
      { pk: timerPartition(partition), sk: timerSort(domain, time, rowKey) },
      // Spares the entry of a later row, which has a timer of that time again.
      { expression: 'n < :n', values: { ':n': { N: String(position) } } },
    )
  }

  async forget(partition: RowPartition, domain: TimerDomain, stale: readonly IndexedTimer[]): Promise<void> {
    await inParallel(stale, DELETES_MAX, ({ timeMs, rowKey, position }) =>
      this.#table.delete(
        { pk: timerPartition(partition), sk: timerSort(domain, encodeTime(timeMs), rowKey) },
        // Spares an entry that was written since it was found stale.
        { expression: 'n <= :n', values: { ':n': { N: String(position) } } },
      ),
    )
  }

  /** The earliest entries: `limit` at most up to `upToMs`, and the time of the one after them. */
  async earliest(
    partition: RowPartition,
    domain: TimerDomain,
    upToMs: number,
    limit: number,
  ): Promise<{ readonly timers: readonly IndexedTimer[]; readonly nextMs: number | undefined }> {
    const timers: IndexedTimer[] = []
    for (let after: string | undefined; ;) {
      const { items, lastSort } = await this.#table.query(timerPartition(partition), {
        prefix: timerDomain(domain),
        after,
        limit: limit - timers.length + 1,
      })
      for (const item of items) {
        const timer = timerOf(item)
        if (timer.timeMs > upToMs || timers.length === limit) return { timers, nextMs: timer.timeMs }
        timers.push(timer)
      }
      if (lastSort === undefined) return { timers, nextMs: undefined }
      after = lastSort
    }
  }

  drop(partition: RowPartition): Promise<void> {
    return this.#table.deletePartition(timerPartition(partition))
  }
}

function timerOf(item: Item): IndexedTimer {
  const { time, rowSort } = splitTimerSort(textOf(item, 'sk'))
  return {
    timeMs: decodeTime(time),
    rowKey: isShortened(rowSort) ? textOf(item, 'k') : rowKeyOf(rowSort),
    position: numberOf(item, 'n'),
  }
}
