import { expect, it } from 'vitest'
import type { EarliestTimers, IndexedTimer, RowPartition, RowStore } from '../../lib/ports/row-store.ts'
import { SeededRandom } from '../../lib/testing/index.ts'
import { LONG_KEYS, newPartition, NO_TIMERS, ODD_KEYS, rowWrite, shownRow } from './row-store.support.ts'
import type { RowStoreHarness } from './row-store.support.ts'

type Domain = 'event' | 'processing'

const at = (timeMs: number, rowKey: string, position: number): IndexedTimer => ({ timeMs, rowKey, position })

/** Of rows that are called after the time of their timer, and have that as a position. */
const expected = (...dueMs: number[]) => dueMs.map((timeMs) => at(timeMs, `at ${timeMs}`, timeMs))

/** All entries of one domain of a partition. */
async function indexed(
  rows: RowStore,
  partition: RowPartition,
  domain: Domain,
): Promise<readonly IndexedTimer[]> {
  const { timers, nextMs } = await rows.timers(partition, domain, Infinity, 1000)
  expect(nextMs).toBeUndefined()
  return timers
}

/** Writes a row whose earliest event-time timer is that. */
const written = (
  rows: RowStore,
  partition: RowPartition,
  rowKey: string,
  position: number,
  eventMs?: number,
) => rows.write([rowWrite(partition, rowKey, position, 'text', { timers: { eventMs } })])

export function timerIndex(open: () => Promise<RowStoreHarness>): void {
  reading(open)
  changing(open)
  it('lacks no timer of a row, whatever zombies write and readers forget, at once', async () => {
    const { rows } = await open()
    for (let seed = 1; seed <= 6; seed++) expect(await missing(rows, new SeededRandom(seed))).toEqual([])
  })
}

function reading(open: () => Promise<RowStoreHarness>): void {
  it('tells of no timers where there are none', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await rows.write([rowWrite(partition, 'key', 1, 'text')])
    expect(await rows.timers(partition, 'event', Infinity, 10)).toEqual({ timers: [], nextMs: undefined })
  })

  it('gives the earliest timers up to a time, so many at most, and when the next is due', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const times = [500, 100, 300, 200, 400]
    await rows.write(
      times.map((eventMs) => rowWrite(partition, `at ${eventMs}`, eventMs, 'text', { timers: { eventMs } })),
    )
    const due = (upToMs: number, limit: number) => rows.timers(partition, 'event', upToMs, limit)
    expect(await due(99, 10)).toEqual({ timers: [], nextMs: 100 })
    expect(await due(300, 10)).toEqual({ timers: expected(100, 200, 300), nextMs: 400 })
    expect(await due(399, 10)).toEqual({ timers: expected(100, 200, 300), nextMs: 400 })
    expect(await due(450, 2)).toEqual({ timers: expected(100, 200), nextMs: 300 })
    expect(await due(500, 5)).toEqual({ timers: expected(100, 200, 300, 400, 500), nextMs: undefined })
    expect(await due(Infinity, 10)).toEqual({ timers: expected(100, 200, 300, 400, 500), nextMs: undefined })
  })

  it('keeps event time and processing time apart', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await rows.write([rowWrite(partition, 'a', 1, 'text', { timers: { eventMs: 10, processingMs: 20 } })])
    await rows.write([rowWrite(partition, 'b', 2, 'text', { timers: { processingMs: 5 } })])
    expect(await indexed(rows, partition, 'event')).toEqual([at(10, 'a', 1)])
    expect(await indexed(rows, partition, 'processing')).toEqual([at(5, 'b', 2), at(20, 'a', 1)])
  })

  it('orders times as numbers, before the epoch as well and however far away', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const times = [-8.64e15, -1_000_000, -11, -2, -1, 0, 1, 2, 11, 1_700_000_000_000, 8.64e15]
    await rows.write(
      times
        .toReversed()
        .map((eventMs) => rowWrite(partition, `${eventMs}`, 1, 'text', { timers: { eventMs } })),
    )
    expect((await indexed(rows, partition, 'event')).map(({ timeMs }) => timeMs)).toEqual(times)
    const early = await rows.timers(partition, 'event', -2, 100)
    expect(early.timers.map(({ timeMs }) => timeMs)).toEqual(times.slice(0, 4))
    expect(early.nextMs).toBe(-1)
  })

  it('gives the keys of rows whole, whatever is in them', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const keys = [...ODD_KEYS, ...LONG_KEYS]
    await rows.write(keys.map((rowKey) => rowWrite(partition, rowKey, 1, 'text', { timers: { eventMs: 7 } })))
    const found = await indexed(rows, partition, 'event')
    expect(found).toHaveLength(keys.length)
    expect(new Set(found.map(({ rowKey }) => rowKey))).toEqual(new Set(keys))
    await rows.forgetTimers(partition, 'event', found)
    expect(await indexed(rows, partition, 'event')).toEqual([])
  })

  it('comes to the end of many timers, of which many are due at once, when those given are forgotten', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const keys = Array.from({ length: 150 }, (_, index) => `key-${index}`)
    await rows.write(
      keys.map((rowKey, index) =>
        rowWrite(partition, rowKey, 1, 'x', { timers: { eventMs: index < 120 ? 5 : 6 } }),
      ),
    )
    const seen: string[] = []
    for (let page = 0; page < 4; page++) {
      const { timers: due, nextMs } = await rows.timers(partition, 'event', 6, 40)
      expect(nextMs).toBe([5, 5, 6, undefined][page])
      seen.push(...due.map(({ rowKey }) => rowKey))
      await rows.forgetTimers(partition, 'event', due)
    }
    expect(seen).toHaveLength(150)
    expect(new Set(seen)).toEqual(new Set(keys))
  })
}

function changing(open: () => Promise<RowStoreHarness>): void {
  it("has a row's timer of its last write, whether it came earlier or later than the one before", async () => {
    const { rows } = await open()
    const partition = newPartition()
    for (const [position, eventMs] of [100, 50, 200, 100].entries()) {
      await written(rows, partition, 'key', position + 1, eventMs)
      expect(await indexed(rows, partition, 'event')).toContainEqual(at(eventMs, 'key', position + 1))
    }
  })

  it('forgets entries, and nothing beside them', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await written(rows, partition, 'a', 1, 10)
    await written(rows, partition, 'b', 1, 10)
    await written(rows, partition, 'c', 1, 20)
    await rows.forgetTimers(partition, 'event', [at(10, 'a', 1), at(15, 'a', 1), at(20, 'x', 1)])
    await rows.forgetTimers(partition, 'processing', [at(10, 'b', 1)])
    await rows.forgetTimers(newPartition(), 'event', [at(20, 'c', 1)])
    await rows.forgetTimers(partition, 'event', [])
    expect(await indexed(rows, partition, 'event')).toEqual([at(10, 'b', 1), at(20, 'c', 1)])
  })

  it('forgets no entry that was written again since', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await written(rows, partition, 'key', 1, 10)
    const stale = await indexed(rows, partition, 'event')
    await written(rows, partition, 'key', 2)
    await written(rows, partition, 'key', 3, 10)
    // Somebody saw that the row of position 2 has no timer, and comes late to say so.
    await rows.forgetTimers(partition, 'event', stale)
    await rows.forgetTimers(partition, 'event', [at(10, 'key', 2)])
    expect(await indexed(rows, partition, 'event')).toEqual([at(10, 'key', 3)])
    await rows.forgetTimers(partition, 'event', [at(10, 'key', 3)])
    expect(await indexed(rows, partition, 'event')).toEqual([])
  })

  it('keeps its timers from a zombie that writes what was there before, or removes it', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await written(rows, partition, 'key', 1, 10)
    await written(rows, partition, 'key', 5, 30)
    await written(rows, partition, 'key', 1, 10)
    await written(rows, partition, 'key', 3, 30)
    await written(rows, partition, 'key', 4)
    await rows.write([rowWrite(partition, 'key', 2, undefined)])
    expect(await indexed(rows, partition, 'event')).toContainEqual(at(30, 'key', 5))
  })

  it('comes to name no timer of a row that has none, once what it names is forgotten', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await written(rows, partition, 'key', 1, 10)
    await written(rows, partition, 'key', 2, 20)
    await rows.write([rowWrite(partition, 'key', 3, undefined)])
    await rows.forgetTimers(partition, 'event', await indexed(rows, partition, 'event'))
    expect(await indexed(rows, partition, 'event')).toEqual([])
    expect(await shownRow(rows, partition, 'key')).toBeUndefined()
  })
}

const timeOf = (timers: EarliestTimers, domain: Domain): number | undefined =>
  domain === 'event' ? timers.eventMs : timers.processingMs

/**
 * Some rows with a history each. Writers write what it says, late ones too; readers forget what the row that they see, of
 * that position or a later one, does not have. All of it happens at once, round by round. Resolves to what the index lacked.
 */
async function missing(rows: RowStore, random: SeededRandom): Promise<string[]> {
  const lacking: string[] = []
  const partition = newPartition()
  const keys = ['a', 'b', 'c']
  const pick = (count: number): number => Math.floor(random.next() * count)
  const pickTime = (): number | undefined => (random.next() < 0.3 ? undefined : 10 * pick(4))
  /** What each row has at each position, from 0: nothing. */
  const histories = new Map(keys.map((key) => [key, [NO_TIMERS]]))
  const write = async (key: string, position: number): Promise<void> => {
    const timersThere = histories.get(key)![position]!
    await rows.write([rowWrite(partition, key, position, 'text', { timers: timersThere })])
  }
  const forget = async (domain: Domain): Promise<void> => {
    const { timers: due } = await rows.timers(partition, domain, Infinity, 100)
    const found = await rows.get(due.map(({ rowKey }) => ({ partition, rowKey })))
    const stale = due.filter(({ rowKey, timeMs, position }, index) => {
      const seen = found[index]?.position ?? 0
      return seen >= position && timeOf(histories.get(rowKey)![seen]!, domain) !== timeMs
    })
    await rows.forgetTimers(partition, domain, stale)
  }
  for (let round = 0; round < 12; round++) {
    await Promise.all(
      Array.from({ length: 6 }, () => {
        if (random.next() < 0.3) return forget(random.next() < 0.5 ? 'event' : 'processing')
        const key = keys[pick(keys.length)]!
        const history = histories.get(key)!
        if (history.length > 1 && random.next() < 0.3) return write(key, 1 + pick(history.length - 1))
        history.push({ eventMs: pickTime(), processingMs: pickTime() })
        return write(key, history.length - 1)
      }),
    )
    const found = await rows.get(keys.map((rowKey) => ({ partition, rowKey })))
    for (const domain of ['event', 'processing'] as const) {
      const index = await indexed(rows, partition, domain)
      for (const [which, row] of found.entries()) {
        if (row === undefined) continue
        const timeMs = timeOf(histories.get(keys[which]!)![row.position]!, domain)
        if (timeMs === undefined) continue
        const entry = index.find((one) => one.rowKey === keys[which] && one.timeMs === timeMs)
        if (entry === undefined || entry.position < row.position)
          lacking.push(`round ${round}: ${keys[which]} at ${row.position} has a timer at ${timeMs}`)
      }
    }
  }
  return lacking
}
