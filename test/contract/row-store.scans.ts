import { expect, it } from 'vitest'
import { sameBytes, someBytes } from './harness.ts'
import { LONG_KEYS, newPartition, ODD_KEYS, rowWrite, scanAll, shown } from './row-store.support.ts'
import type { RowStoreHarness } from './row-store.support.ts'

const inOrder = (keys: readonly string[]): string[] => [...keys].toSorted()

export function scans(open: () => Promise<RowStoreHarness>): void {
  it('scans nothing where nothing is', async () => {
    const { rows } = await open()
    const partition = newPartition()
    expect(await rows.scan(partition, undefined)).toEqual({ rows: [], more: false })
    expect(await rows.scan(partition, 'key')).toEqual({ rows: [], more: false })
  })

  it('scans a partition in the order of its keys by code units, without rows that are gone', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await rows.write(ODD_KEYS.map((rowKey) => rowWrite(partition, rowKey, 1, 'text')))
    await rows.write([rowWrite(newPartition(), 'elsewhere', 1, 'text')])
    await rows.write(['a#b', '漢字'].map((rowKey) => rowWrite(partition, rowKey, 2, undefined)))
    const left = ODD_KEYS.filter((rowKey) => rowKey !== 'a#b' && rowKey !== '漢字')
    expect((await scanAll(rows, partition)).map(({ rowKey }) => rowKey)).toEqual(inOrder(left))
  })

  it('scans what sorts after a key, which need not be there', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await rows.write(['a', 'aa', 'b', 'ba', 'c'].map((rowKey) => rowWrite(partition, rowKey, 1, rowKey)))
    const after = async (rowKey: string) => (await scanAll(rows, partition, rowKey)).map(shown)
    expect(await after('a')).toEqual(['aa@1', 'b@1', 'ba@1', 'c@1'])
    expect(await after('b')).toEqual(['ba@1', 'c@1'])
    expect(await after('ab')).toEqual(['b@1', 'ba@1', 'c@1'])
    expect(await after('c')).toEqual([])
    expect(await after('A')).toHaveLength(5)
  })

  it('scans many rows in pages, each row once', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const keys = Array.from({ length: 60 }, (_, index) => `key-${String(index).padStart(3, '0')}`)
    await rows.write(
      keys.map((rowKey, index) => rowWrite(partition, rowKey, index + 1, someBytes(40_000, index))),
    )
    await rows.write(keys.slice(10, 40).map((rowKey) => rowWrite(partition, rowKey, 100, undefined)))
    const left = [...keys.slice(0, 10), ...keys.slice(40)]
    const all = await scanAll(rows, partition)
    expect(all.map(({ rowKey }) => rowKey)).toEqual(left)
    for (const { payload, position } of all)
      expect(sameBytes(payload, someBytes(40_000, position - 1))).toBe(true)
  })

  it('scans large rows whole', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const payloads = [0, 1, 2].map((index) => someBytes(1024 * 1024, index))
    await rows.write(payloads.map((payload, index) => rowWrite(partition, `key-${index}`, 1, payload)))
    const all = await scanAll(rows, partition)
    expect(all.map(({ payload }, index) => sameBytes(payload, payloads[index]!))).toEqual([true, true, true])
  })

  it('finds every long key once and in order, over many pages', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const common = 'k'.repeat(19_990)
    const many = Array.from({ length: 70 }, (_, index) => `${common}${String(index).padStart(10, '0')}`)
    const keys = [...LONG_KEYS, ...many, 'a', 'z']
    await rows.write(keys.map((rowKey) => rowWrite(partition, rowKey, 1, 'text')))
    const found = (await scanAll(rows, partition)).map(({ rowKey }) => rowKey)
    expect(found).toEqual(inOrder(keys))
  })

  it('drops all of a partition, and nothing of another', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const beside = { ...partition, keyGroup: partition.keyGroup + 1 }
    const timers = { eventMs: 1, processingMs: 2 }
    await rows.write([
      ...Array.from({ length: 70 }, (_, index) => rowWrite(partition, `key-${index}`, 9, 'text', { timers })),
      rowWrite(partition, 'large', 9, someBytes(1024 * 1024, 1)),
      rowWrite(partition, LONG_KEYS[0]!, 9, 'text', { timers }),
      rowWrite(partition, 'gone', 9, undefined),
      rowWrite(beside, 'key-1', 9, 'text', { timers }),
    ])
    await rows.drop(partition)
    expect(await rows.scan(partition, undefined)).toEqual({ rows: [], more: false })
    for (const domain of ['event', 'processing'] as const)
      expect(await rows.timers(partition, domain, Infinity, 10)).toEqual({ timers: [], nextMs: undefined })
    expect((await scanAll(rows, beside)).map(shown)).toEqual(['text@9'])
    expect((await rows.timers(beside, 'event', 1, 10)).timers).toHaveLength(1)
    await rows.drop(partition)
    expect(await rows.write([rowWrite(partition, 'gone', 1, 'anew')])).toEqual({ written: 1, stale: 0 })
  })
}
