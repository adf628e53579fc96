import { expect, it } from 'vitest'
import { has } from './harness.ts'
import { newPartition, rowWrite, scanAll, shownRow } from './row-store.support.ts'
import type { RowStoreHarness } from './row-store.support.ts'

const DAY_MS = 24 * 3_600_000

/** More than an item of DynamoDB takes. */
const large = (letter: string): string => letter.repeat(400_000)

export function expiry(open: () => Promise<RowStoreHarness>): void {
  it('keeps a row until it has expired, to the millisecond; then it may vanish', async () => {
    const harness = await open()
    const { rows } = harness
    const expireAt = has(harness.expireAt, 'expires')
    const partition = newPartition()
    const atMs = harness.nowMs() + 60_999
    await rows.write([
      rowWrite(partition, 'a', 1, 'brief', { expiresAtMs: atMs }),
      rowWrite(partition, 'b', 1, 'lasting', { expiresAtMs: Infinity }),
      rowWrite(partition, 'c', 1, 'longer', { expiresAtMs: atMs }),
    ])
    // A later version has the expiry of its own.
    await rows.write([rowWrite(partition, 'c', 2, 'longer', { expiresAtMs: atMs + 60_000 })])
    await expireAt(atMs - 1)
    expect(await shownRow(rows, partition, 'a')).toBe('brief@1')
    await expireAt(atMs + 2000)
    expect(await shownRow(rows, partition, 'a')).toBeUndefined()
    expect(await shownRow(rows, partition, 'c')).toBe('longer@2')
    expect(await rows.write([rowWrite(partition, 'a', 2, 'anew')])).toEqual({ written: 1, stale: 0 })
    await expireAt(atMs + 365 * DAY_MS)
    expect(await shownRow(rows, partition, 'a')).toBe('anew@2')
    expect(await shownRow(rows, partition, 'b')).toBe('lasting@1')
  })

  it('keeps a large row until it has expired; then it may vanish, and the key may come back', async () => {
    const harness = await open()
    const { rows } = harness
    const expireAt = has(harness.expireAt, 'expires')
    const partition = newPartition()
    const atMs = harness.nowMs() + 30 * DAY_MS
    await rows.write([
      rowWrite(partition, 'a', 1, large('a'), { expiresAtMs: atMs }),
      rowWrite(partition, 'b', 1, large('b')),
    ])
    await expireAt(atMs - 1)
    expect(await shownRow(rows, partition, 'a')).toBe(`${large('a')}@1`)
    await expireAt(atMs + 365 * DAY_MS)
    expect(await shownRow(rows, partition, 'a')).toBeUndefined()
    expect(await shownRow(rows, partition, 'b')).toBe(`${large('b')}@1`)
    // The same bytes again, and a writer who comes late with what has expired by then.
    await rows.write([
      rowWrite(partition, 'a', 2, large('a')),
      rowWrite(partition, 'c', 1, large('c'), { expiresAtMs: atMs }),
    ])
    await expireAt(atMs + 2 * 365 * DAY_MS)
    expect(await shownRow(rows, partition, 'a')).toBe(`${large('a')}@2`)
    expect(await shownRow(rows, partition, 'c')).toBeUndefined()
    expect((await scanAll(rows, partition)).map(({ rowKey }) => rowKey)).toEqual(['a', 'b'])
  })

  it('remembers for a day that a row is gone, whatever expiry its write had', async () => {
    const harness = await open()
    const { rows } = harness
    const expireAt = has(harness.expireAt, 'expires')
    const partition = newPartition()
    const startMs = harness.nowMs()
    await rows.write([rowWrite(partition, 'key', 1, 'text')])
    await rows.write([rowWrite(partition, 'key', 5, undefined, { expiresAtMs: startMs })])
    await expireAt(startMs + DAY_MS - 1)
    expect(await rows.write([rowWrite(partition, 'key', 4, 'zombie')])).toEqual({ written: 0, stale: 1 })
    expect(await shownRow(rows, partition, 'key')).toBeUndefined()
    // It does not stay for ever: nothing tells of it any more.
    await expireAt(startMs + DAY_MS + 2000)
    expect(await rows.write([rowWrite(partition, 'key', 4, 'anew')])).toEqual({ written: 1, stale: 0 })
  })
}
