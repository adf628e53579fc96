import { expect, it } from 'vitest'
import type { RowPartition } from '../../lib/ports/row-store.ts'
import { sameBytes, someBytes } from './harness.ts'
import { LONG_KEYS, newPartition, ODD_KEYS, rowWrite, shown, shownRow } from './row-store.support.ts'
import type { RowStoreHarness } from './row-store.support.ts'

const LARGE_BYTES = 1024 * 1024

export function writes(open: () => Promise<RowStoreHarness>): void {
  addresses(open)
  positions(open)
  removals(open)
  sizes(open)
}

function addresses(open: () => Promise<RowStoreHarness>): void {
  it('gives back what was written, by index, in any order and as often as asked', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const other = newPartition('other', 0)
    expect(
      await rows.write([
        rowWrite(partition, 'a', 7, 'one'),
        rowWrite(partition, 'b', 8, 'two'),
        rowWrite(other, 'a', 9, 'three'),
      ]),
    ).toEqual({ written: 3, stale: 0 })
    const found = await rows.get([
      { partition: other, rowKey: 'a' },
      { partition, rowKey: 'missing' },
      { partition, rowKey: 'b' },
      { partition, rowKey: 'a' },
      { partition: other, rowKey: 'b' },
      { partition, rowKey: 'b' },
    ])
    expect(found.map(shown)).toEqual(['three@9', undefined, 'two@8', 'one@7', undefined, 'two@8'])
    expect(found.map((row) => row?.rowKey)).toEqual(['a', undefined, 'b', 'a', undefined, 'b'])
  })

  it('reads and writes nothing when asked for nothing', async () => {
    const { rows } = await open()
    expect(await rows.get([])).toEqual([])
    expect(await rows.write([])).toEqual({ written: 0, stale: 0 })
  })

  it('writes and reads any number of rows at once', async () => {
    const { rows } = await open()
    const partitions = [newPartition(), newPartition('b'), newPartition('c')]
    const all = Array.from({ length: 250 }, (_, index) => ({
      partition: partitions[index % 3]!,
      rowKey: `key-${index}`,
    }))
    const written = all.map(({ partition, rowKey }, index) => rowWrite(partition, rowKey, index + 1, rowKey))
    expect(await rows.write(written)).toEqual({ written: 250, stale: 0 })
    const found = await rows.get(all.toReversed())
    expect(found.map(shown)).toEqual(all.map(({ rowKey }, index) => `${rowKey}@${index + 1}`).toReversed())
  })

  it('tells keys apart whatever is in them, and however late they differ', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const keys = [...ODD_KEYS, ...LONG_KEYS]
    await rows.write(keys.map((rowKey, index) => rowWrite(partition, rowKey, 1, String(index))))
    const found = await rows.get(keys.map((rowKey) => ({ partition, rowKey })))
    expect(found.map(shown)).toEqual(keys.map((_, index) => `${index}@1`))
    expect(found.every((row, index) => row!.rowKey === keys[index])).toBe(true)
  })

  it('keeps partitions apart, however alike their names are', async () => {
    const { rows } = await open()
    const { namespace } = newPartition()
    const partitions: RowPartition[] = [
      { namespace, operatorUid: 'a', keyGroup: 1 },
      { namespace, operatorUid: 'a', keyGroup: 11 },
      { namespace, operatorUid: 'a#1', keyGroup: 1 },
      { namespace, operatorUid: 'a%231', keyGroup: 1 },
      { namespace, operatorUid: 'A', keyGroup: 1 },
      { namespace: `${namespace}#a`, operatorUid: 'a', keyGroup: 1 },
      { namespace: `${namespace}#a#1`, operatorUid: 'a', keyGroup: 1 },
      { namespace, operatorUid: 'é 漢/"', keyGroup: 32_767 },
      { namespace, operatorUid: 'x'.repeat(3000), keyGroup: 1 },
      { namespace, operatorUid: `${'x'.repeat(2999)}y`, keyGroup: 1 },
    ]
    const timers = { eventMs: 5 }
    await rows.write(
      partitions.map((partition, index) => rowWrite(partition, 'key', 1, String(index), { timers })),
    )
    for (const [index, partition] of partitions.entries()) {
      expect((await rows.scan(partition, undefined)).rows.map(shown)).toEqual([`${index}@1`])
      expect((await rows.timers(partition, 'event', 10, 10)).timers).toHaveLength(1)
    }
  })
}

function positions(open: () => Promise<RowStoreHarness>): void {
  it('takes a write of a later position alone, and counts the others as stale', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const write = (position: number, text: string) => rows.write([rowWrite(partition, 'key', position, text)])
    expect(await write(1_000_000_000_005, 'five')).toEqual({ written: 1, stale: 0 })
    expect(await write(1_000_000_000_005, 'again')).toEqual({ written: 0, stale: 1 })
    expect(await write(9, 'zombie')).toEqual({ written: 0, stale: 1 })
    expect(await shownRow(rows, partition, 'key')).toBe('five@1000000000005')
    expect(await write(1_000_000_000_006, 'six')).toEqual({ written: 1, stale: 0 })
    expect(await shownRow(rows, partition, 'key')).toBe('six@1000000000006')
  })

  it('decides for each row of a write by itself', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`)
    await rows.write(
      keys.map((rowKey, index) => rowWrite(partition, rowKey, index % 2 === 0 ? 5 : 10, 'old')),
    )
    const answer = await rows.write(keys.map((rowKey) => rowWrite(partition, rowKey, 8, 'new')))
    expect(answer).toEqual({ written: 30, stale: 30 })
    const found = await rows.get(keys.map((rowKey) => ({ partition, rowKey })))
    expect(found.map(shown)).toEqual(keys.map((_, index) => (index % 2 === 0 ? 'new@8' : 'old@10')))
  })

  it('ends with the latest of many writes at once', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const order = [4, 9, 1, 12, 7, 3, 11, 2, 10, 6, 8, 5]
    await Promise.all(order.map((position) => rows.write([rowWrite(partition, 'key', position, 'text')])))
    expect(await shownRow(rows, partition, 'key')).toBe('text@12')
    await rows.write(order.map((position) => rowWrite(partition, 'same', position, `at ${position}`)))
    expect(await shownRow(rows, partition, 'same')).toBe('at 12@12')
  })

  it('keeps what was written, whatever becomes of the buffer', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const mine = someBytes(100, 1)
    await rows.write([rowWrite(partition, 'key', 1, mine)])
    mine.fill(0)
    const [row] = await rows.get([{ partition, rowKey: 'key' }])
    expect(sameBytes(row!.payload, someBytes(100, 1))).toBe(true)
  })
}

function removals(open: () => Promise<RowStoreHarness>): void {
  it('shows no row that is gone, and lets no stale writer bring it back', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await rows.write([rowWrite(partition, 'key', 3, 'three')])
    expect(await rows.write([rowWrite(partition, 'key', 5, undefined)])).toEqual({ written: 1, stale: 0 })
    expect(await shownRow(rows, partition, 'key')).toBeUndefined()
    for (const position of [3, 4, 5])
      expect(await rows.write([rowWrite(partition, 'key', position, 'zombie')])).toEqual({
        written: 0,
        stale: 1,
      })
    expect(await shownRow(rows, partition, 'key')).toBeUndefined()
    expect((await rows.scan(partition, undefined)).rows).toEqual([])
    expect(await rows.write([rowWrite(partition, 'key', 6, 'six')])).toEqual({ written: 1, stale: 0 })
    expect(await shownRow(rows, partition, 'key')).toBe('six@6')
  })

  it('remembers as gone what never was', async () => {
    const { rows } = await open()
    const partition = newPartition()
    expect(await rows.write([rowWrite(partition, 'key', 5, undefined)])).toEqual({ written: 1, stale: 0 })
    expect(await rows.write([rowWrite(partition, 'key', 4, 'zombie')])).toEqual({ written: 0, stale: 1 })
    expect(await shownRow(rows, partition, 'key')).toBeUndefined()
  })

  it('removes nothing for a stale writer', async () => {
    const { rows } = await open()
    const partition = newPartition()
    await rows.write([rowWrite(partition, 'key', 5, 'five')])
    for (const position of [4, 5])
      expect(await rows.write([rowWrite(partition, 'key', position, undefined)])).toEqual({
        written: 0,
        stale: 1,
      })
    expect(await shownRow(rows, partition, 'key')).toBe('five@5')
  })
}

function sizes(open: () => Promise<RowStoreHarness>): void {
  it('stores payloads of any size, beside each other and in place of each other', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const lengths = [0, 1, 1000, 300_000, 340_000, 341_000, 400_000, LARGE_BYTES]
    const keys = lengths.map((length) => `of ${length}`)
    for (const [round, order] of [lengths, lengths.toReversed()].entries()) {
      const payloads = order.map((length, index) => someBytes(length, index + round))
      const written = payloads.map((payload, index) => rowWrite(partition, keys[index]!, round + 1, payload))
      expect(await rows.write(written)).toEqual({ written: lengths.length, stale: 0 })
      const found = await rows.get(keys.map((rowKey) => ({ partition, rowKey })))
      expect(found.map((row, index) => sameBytes(row?.payload, payloads[index]!))).toEqual(
        keys.map(() => true),
      )
    }
  })

  it('keeps a large row from a zombie that writes what was there before', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const old = rowWrite(partition, 'key', 1, someBytes(LARGE_BYTES, 1))
    const now = rowWrite(partition, 'key', 2, someBytes(LARGE_BYTES, 2))
    await rows.write([old])
    await rows.write([now])
    expect(await rows.write([old])).toEqual({ written: 0, stale: 1 })
    expect(await rows.write([now])).toEqual({ written: 0, stale: 1 })
    const [row] = await rows.get([{ partition, rowKey: 'key' }])
    expect(row!.position).toBe(2)
    expect(sameBytes(row!.payload, now.payload!)).toBe(true)
  })

  it('keeps two large rows of the same content, when one of them is gone', async () => {
    const { rows } = await open()
    const partition = newPartition()
    const payload = someBytes(LARGE_BYTES, 3)
    await rows.write([rowWrite(partition, 'a', 1, payload), rowWrite(partition, 'b', 1, payload)])
    await rows.write([rowWrite(partition, 'a', 2, undefined)])
    const [a, b] = await rows.get(['a', 'b'].map((rowKey) => ({ partition, rowKey })))
    expect(a).toBeUndefined()
    expect(sameBytes(b!.payload, payload)).toBe(true)
    // The same content at a later position, while a zombie removes the row at an earlier one.
    await rows.write([rowWrite(partition, 'b', 5, payload)])
    await rows.write([rowWrite(partition, 'b', 3, undefined)])
    const [kept] = await rows.get([{ partition, rowKey: 'b' }])
    expect([kept!.position, sameBytes(kept!.payload, payload)]).toEqual([5, true])
  })
}
