import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ItemStamp, OutsideTable, TableItem } from '../../lib/ports/outside.ts'

export interface OutsideTableHarness {
  /** Its key is the text attribute `id`. */
  readonly table: OutsideTable
  /** The item, without its stamp. */
  item(id: string): Promise<TableItem | undefined>
  close(): Promise<void>
}

const V = (attempt: number, position: number): string => `0000000${attempt}#00000000000${position}#0000`
const stamp = (attempt: number, position: number, over: Partial<ItemStamp> = {}): ItemStamp => ({
  sink: 'lineage/sink',
  subtask: 0,
  version: V(attempt, position),
  overPeersOf: `0000000${attempt}#`,
  ...over,
})

/** What every {@link OutsideTable} does. */
export function outsideTableContract(subject: string, make: () => Promise<OutsideTableHarness>): void {
  describe(`contract of outside tables: ${subject}`, () => {
    let harness: OutsideTableHarness
    beforeEach(async () => {
      harness = await make()
    })
    afterEach(() => harness.close())

    test('keeps an item as it is given, and replaces it whole', async () => {
      const item: TableItem = {
        id: 'a',
        text: '水',
        number: -1.5e-7,
        big: 12_345_678_901_234_567_890n,
        yes: true,
        nothing: null,
        bytes: new Uint8Array([0, 255]),
        list: [1, ['x', null], { deep: false }],
        map: { empty: {}, 'odd name #.:': '' },
      }
      expect(await harness.table.put(item, stamp(1, 1))).toEqual({ type: 'done' })
      expect(await harness.item('a')).toEqual(item)
      expect(await harness.table.put({ id: 'a', only: 1 }, stamp(1, 2))).toEqual({ type: 'done' })
      expect(await harness.item('a')).toEqual({ id: 'a', only: 1 })
    })

    test.for<[string, ItemStamp, ItemStamp, 'done' | 'stale']>([
      ['a later turn', stamp(1, 1), stamp(1, 2), 'done'],
      ['the same again', stamp(1, 2), stamp(1, 2), 'stale'],
      ['a zombie of the attempt', stamp(1, 2), stamp(1, 1), 'stale'],
      ['a zombie of an earlier attempt, further on', stamp(2, 1), stamp(1, 9), 'stale'],
      ['a later attempt', stamp(1, 9), stamp(2, 1), 'done'],
      ['another subtask, in the same attempt', stamp(2, 9), stamp(2, 1, { subtask: 1 }), 'done'],
      ['another subtask, of an earlier attempt', stamp(2, 1), stamp(1, 9, { subtask: 1 }), 'stale'],
      [
        'another subtask, with what its checkpoint held',
        stamp(2, 1),
        stamp(2, 0, { subtask: 1, overPeersOf: undefined }),
        'stale',
      ],
      [
        'what the checkpoint of a later attempt held',
        stamp(1, 9),
        stamp(2, 0, { subtask: 1, overPeersOf: undefined }),
        'done',
      ],
      ['another sink', stamp(2, 1), stamp(1, 1, { sink: 'lineage/sink2' }), 'done'],
      ['a sink whose name begins as this one', stamp(2, 1, { sink: 'lineage/sink2' }), stamp(1, 1), 'done'],
      ['another lineage', stamp(2, 1), stamp(1, 1, { sink: 'other/sink' }), 'done'],
      ['subtask 10 over subtask 1', stamp(1, 9, { subtask: 1 }), stamp(1, 1, { subtask: 10 }), 'done'],
    ])('what stands, of one writer and the next: %s', async ([, first, second, expected]) => {
      const { table } = harness
      await table.put({ id: 'a', by: 'first' }, first)
      expect(await table.put({ id: 'a', by: 'second' }, second)).toEqual({ type: expected })
      const by = expected === 'done' ? 'second' : 'first'
      expect(await harness.item('a')).toEqual({ id: 'a', by })
    })

    test('of writers at the same time the greatest version stands', async () => {
      const order = [3, 1, 4, 5, 9, 2, 6]
      await Promise.all(order.map((n) => harness.table.put({ id: 'a', n }, stamp(1, n))))
      expect(await harness.item('a')).toEqual({ id: 'a', n: 9 })
    })

    test('keys are apart', async () => {
      await harness.table.put({ id: 'a' }, stamp(1, 9))
      expect(await harness.table.put({ id: 'b' }, stamp(1, 1))).toEqual({ type: 'done' })
    })
  })
}

/** What a table does that is not there. */
export async function expectRefusal(missing: OutsideTable): Promise<void> {
  expect(await missing.put({ id: 'a' }, stamp(1, 1))).toEqual({
    type: 'refused',
    reason: expect.stringContaining('to exist'),
  })
}
