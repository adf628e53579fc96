import { describe, expect, it } from 'vitest'
import { ManualClock, SeededRandom } from '../../lib/testing/index.ts'
import { CallLedger } from '../world/call-ledger.ts'
import { NO_FAULTS } from '../world/faults.ts'
import type { Faults } from '../world/faults.ts'
import { MemoryRowStore } from '../world/memory-row-store.ts'
import { PlannedFaults } from '../world/planned-faults.ts'
import { rowStoreContract } from './row-store.ts'
import { newPartition, rowWrite, shown, shownRow } from './row-store.support.ts'

const random = new SeededRandom(11)

/** Requests and answers that overtake each other. */
const jumbled: Faults = {
  ...NO_FAULTS,
  before: () => aWhile(),
  after: () => aWhile(),
}

async function aWhile(): Promise<void> {
  for (let turns = Math.floor(random.next() * 12); turns > 0; turns--) await Promise.resolve()
}

const subjects: readonly (readonly [string, number, Faults])[] = [
  ['MemoryRowStore', 1000, NO_FAULTS],
  ['MemoryRowStore with a row a page', 1, NO_FAULTS],
  ['MemoryRowStore whose requests overtake each other', 5, jumbled],
]

for (const [name, pageRowsMax, faults] of subjects)
  rowStoreContract(name, () => {
    const clock = new ManualClock(1_700_000_000_123)
    const model = new MemoryRowStore({ clock, pageRowsMax })
    return Promise.resolve({
      rows: model.client({ faults }),
      nowMs: () => clock.now(),
      expireAt: (atMs: number) => {
        clock.advanceTo(atMs)
        model.expire()
        return Promise.resolve()
      },
    })
  })

describe('MemoryRowStore behaves like DynamoDB', () => {
  it('writes some rows and not others, when one of many requests fails', async () => {
    const faults = new PlannedFaults()
    const model = new MemoryRowStore({ clock: new ManualClock() })
    const rows = model.client({ faults })
    const partition = newPartition()
    const both = [rowWrite(partition, 'a', 1, 'text'), rowWrite(partition, 'b', 1, 'text')]
    faults.throttle('row-store.write-row')
    await expect(rows.write(both)).rejects.toThrow('was throttled')
    expect(model.rows(partition).map(({ rowKey }) => rowKey)).toEqual(['b'])
    expect(await rows.write(both)).toEqual({ written: 1, stale: 1 })
    faults.loseAnswer('row-store.write-row')
    await expect(rows.write([rowWrite(partition, 'c', 1, 'text')])).rejects.toThrow('was lost')
    expect(model.rows(partition).map(shown)).toEqual(['text@1', 'text@1', 'text@1'])
    // The library repeats what it was told nothing of: the row is there already.
    faults.repeat('row-store.write-row')
    expect(await rows.write([rowWrite(partition, 'd', 1, 'text')])).toEqual({ written: 0, stale: 1 })
  })

  it('names the timer before its row is there, also where the row never comes', async () => {
    const faults = new PlannedFaults()
    const rows = new MemoryRowStore({ clock: new ManualClock() }).client({ faults })
    const partition = newPartition()
    faults.throttle('row-store.write-row')
    const write = rowWrite(partition, 'key', 1, 'text', { timers: { eventMs: 5 } })
    await expect(rows.write([write])).rejects.toThrow('was throttled')
    expect((await rows.timers(partition, 'event', 5, 10)).timers).toHaveLength(1)
    expect(await shownRow(rows, partition, 'key')).toBeUndefined()
  })

  it('leaves an entry of the index that a writer did not come to remove', async () => {
    const faults = new PlannedFaults()
    const rows = new MemoryRowStore({ clock: new ManualClock() }).client({ faults })
    const partition = newPartition()
    await rows.write([rowWrite(partition, 'key', 1, 'text', { timers: { eventMs: 5 } })])
    faults.throttle('row-store.outdate-timer')
    const write = rowWrite(partition, 'key', 2, 'text', { timers: { eventMs: 6 } })
    await expect(rows.write([write])).rejects.toThrow('was throttled')
    expect(await rows.write([write])).toEqual({ written: 0, stale: 1 })
    const { timers } = await rows.timers(partition, 'event', 10, 10)
    expect(timers.map(({ timeMs }) => timeMs)).toEqual([5, 6])
  })

  it('drops a part of a partition, when a request fails on the way', async () => {
    const faults = new PlannedFaults()
    const model = new MemoryRowStore({ clock: new ManualClock() })
    const rows = model.client({ faults })
    const partition = newPartition()
    const timers = { eventMs: 1 }
    await rows.write(
      Array.from({ length: 30 }, (_, index) => rowWrite(partition, `${index}`, 1, 'x', { timers })),
    )
    faults.loseAnswer('row-store.drop')
    await expect(rows.drop(partition)).rejects.toThrow('was lost')
    expect(model.rows(partition)).toHaveLength(5)
    expect(model.partitions()).toEqual([partition])
    await rows.drop(partition)
    expect(model.partitions()).toEqual([])
  })

  it('takes each expired row by chance, and none before its time', async () => {
    const clock = new ManualClock()
    const model = new MemoryRowStore({ clock })
    const partition = newPartition()
    await model
      .client()
      .write(
        Array.from({ length: 40 }, (_, index) =>
          rowWrite(partition, `${index}`, 1, 'x', { expiresAtMs: 1000 }),
        ),
      )
    clock.advance(1000)
    expect(model.expire(random)).toBe(0)
    clock.advance(1)
    const vanished = model.expire(random)
    expect(vanished).toBeGreaterThan(0)
    expect(vanished).toBeLessThan(40)
    expect(model.rows(partition)).toHaveLength(40 - vanished)
  })

  it('counts units: a write for each row and timer, a read for each row and page', async () => {
    const ledger = new CallLedger()
    const rows = new MemoryRowStore({ clock: new ManualClock() }).client({ ledger })
    const partition = newPartition()
    await rows.write([
      rowWrite(partition, 'a', 1, new Uint8Array(1500), { timers: { eventMs: 1 } }),
      rowWrite(partition, 'b', 1, 'text'),
      rowWrite(partition, 'large', 1, new Uint8Array(500_000)),
    ])
    expect([ledger.calls('row-store.write-row'), ledger.units('row-store.write-row').writeUnits]).toEqual([
      3, 4,
    ])
    expect(ledger.units('row-store.write-timer').writeUnits).toBe(1)
    expect(ledger.units().s3Puts).toBe(1)
    await rows.get(Array.from({ length: 101 }, (_, index) => ({ partition, rowKey: `${index}` })))
    expect([ledger.calls('row-store.get'), ledger.units('row-store.get').readUnits]).toEqual([2, 101])
    await rows.get([{ partition, rowKey: 'large' }])
    expect(ledger.units().s3Gets).toBe(1)
    await rows.timers(partition, 'event', 1, 10)
    await rows.forgetTimers(partition, 'event', [{ timeMs: 1, rowKey: 'a', position: 1 }])
    await rows.scan(partition, 'a')
    await rows.drop(partition)
    expect(ledger.units('row-store.timers').readUnits).toBe(1)
    expect(ledger.units('row-store.forget-timer').writeUnits).toBe(1)
    expect(ledger.calls('row-store.scan')).toBe(1)
    expect(ledger.units('row-store.drop').writeUnits).toBe(3)
  })
})
