import { expect, test } from 'vitest'
import { keyGroupOf } from '../../../../lib/model/key-hash.ts'
import type { RowStore, RowWrite } from '../../../../lib/ports/row-store.ts'
import { StaleView } from '../../../../lib/serverless/actor/behaviour.ts'
import {
  applyKeyed,
  emptyKeyedImage,
  restoredKeyedImage,
} from '../../../../lib/serverless/state/keyed-image.ts'
import { rowChange } from '../../../../lib/serverless/state/row-change.ts'
import { TaskRows } from '../../../../lib/serverless/state/task-rows.ts'
import { encodeValue } from '../../../../lib/state/codec.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { CallLedger } from '../../../world/call-ledger.ts'
import { NO_FAULTS, Throttled, type Faults } from '../../../world/faults.ts'
import { MemoryRowStore } from '../../../world/memory-row-store.ts'
import { KEY_GROUPS, MAX_PARALLELISM, NAMESPACE, UID } from './task-sim.ts'

const SITE = { operatorUid: UID, state: 'v' }

function world(): { store: RowStore; ledger: CallLedger; rows: TaskRows } {
  const ledger = new CallLedger()
  const store = new MemoryRowStore({ clock: new ManualClock() }).client({ ledger })
  return { store, ledger, rows: new TaskRows(store, NAMESPACE, MAX_PARALLELISM) }
}

function rowOf(key: string, position: number, timersMs: readonly number[] = [], size = 1): RowWrite {
  const states = { v: 'x'.repeat(size) }
  return {
    partition: { namespace: NAMESPACE, operatorUid: UID, keyGroup: keyGroupOf(key, MAX_PARALLELISM) },
    rowKey: JSON.stringify(key),
    payload: encodeValue(timersMs.length === 0 ? [states] : [states, timersMs, []], SITE),
    position,
    expiresAtMs: Infinity,
    timers: { eventMs: timersMs[0], processingMs: undefined },
  }
}

const dueOf = (rows: TaskRows, image: Parameters<TaskRows['see']>[0], upToMs: number, limit: number) =>
  rows.fetchDueTimers(image, UID, KEY_GROUPS, 'event', upToMs, limit)

test('rows are fetched once, absent ones too, in one round; those of the overlay never', async () => {
  const { store, ledger, rows } = world()
  await store.write([rowOf('a', 3), rowOf('b', 3)])
  const image = applyKeyed(restoredKeyedImage(3), { rows: [rowChange(UID, 0, '"c"', undefined)] }, 5)
  ledger.reset()
  await rows.fetchKeys(image, UID, ['a', 'a', 'b', 'c', 'none', undefined as never])
  expect(ledger.counts()).toMatchObject([{ calls: 1 }])
  await rows.fetchKeys(image, UID, ['none', 'b'])
  expect(ledger.calls('row-store')).toBe(1)
  expect(rows.get(UID, '"a"')?.payload).toBeDefined()
  expect(rows.get(UID, '"none"')).toEqual({ payload: undefined })
  expect(rows.get(UID, '"c"')).toBeUndefined()
})

test('a row that is later than the image says that the image is old', async () => {
  const { store, rows } = world()
  await store.write([rowOf('a', 4)])
  await expect(rows.fetchKeys(restoredKeyedImage(3), UID, ['a'])).rejects.toThrow(StaleView)
  await rows.fetchKeys(restoredKeyedImage(4), UID, ['a'])
  expect(rows.get(UID, '"a"')).toBeDefined()
})

test('what was fetched for a turn stays through it, however much it is; then the least used goes', async () => {
  const { store, rows } = world()
  const keys = Array.from({ length: 40 }, (_, i) => `${i}`)
  await store.write(keys.map((key) => rowOf(key, 1, [], 1_000_000)))
  const image = restoredKeyedImage(1)
  await rows.fetchKeys(image, UID, keys)
  expect(keys.filter((key) => rows.get(UID, JSON.stringify(key)) === undefined)).toEqual([])
  rows.get(UID, '"0"')
  rows.see(applyKeyed(image, { rows: [rowChange(UID, 0, '"x"', undefined)] }, 3))
  const left = keys.filter((key) => rows.get(UID, JSON.stringify(key)) !== undefined)
  expect(left).toContain('0')
  expect(left).not.toContain('1')
  expect(left.length).toBeGreaterThan(20)
  expect(left.length).toBeLessThan(30)
})

test('rows that leave the overlay stay in memory', async () => {
  const { ledger, rows } = world()
  const before = applyKeyed(
    emptyKeyedImage,
    { rows: [rowChange(UID, 0, '"a"', Uint8Array.of(1)), rowChange(UID, 0, '"b"', undefined)] },
    1,
  )
  rows.see(before)
  rows.see(applyKeyed(before, { rows: [], materialized: { through: 1, lowered: [] } }, 2))
  expect(rows.get(UID, '"a"')).toEqual({ payload: Uint8Array.of(1) })
  expect(rows.get(UID, '"b"')).toEqual({ payload: undefined })
  expect(ledger.calls('row-store')).toBe(0)
})

test('where rows were stored that this process never saw change, it forgets everything', async () => {
  const { rows } = world()
  const before = applyKeyed(emptyKeyedImage, { rows: [rowChange(UID, 0, '"a"', Uint8Array.of(1))] }, 1)
  await rows.fetchKeys(before, UID, ['b'])
  const unseen = applyKeyed(before, { rows: [rowChange(UID, 0, '"b"', Uint8Array.of(2))] }, 2)
  rows.see(applyKeyed(unseen, { rows: [], materialized: { through: 2, lowered: [] } }, 3))
  expect([rows.get(UID, '"a"'), rows.get(UID, '"b"')]).toEqual([undefined, undefined])
})

test('timers of one time come in bounded pieces, and each entry of the index is read about twice', async () => {
  const { store, ledger, rows } = world()
  const keys = Array.from({ length: 3_000 }, (_, i) => `key-${i}`)
  await store.write(keys.map((key) => rowOf(key, 1, [100])))
  let image = restoredKeyedImage(1)
  expect(await dueOf(rows, image, 99, 500)).toEqual({ keys: [], coldFromMs: 100 })
  ledger.reset()
  const fired: unknown[] = []
  for (let position = 3; ; position++) {
    const due = await dueOf(rows, image, 100, 500)
    expect(due.keys.length).toBeLessThanOrEqual(500)
    fired.push(...due.keys)
    const changes = due.keys.map((key) =>
      rowChange(UID, keyGroupOf(key, MAX_PARALLELISM), JSON.stringify(key), undefined),
    )
    image = applyKeyed(image, { rows: changes }, position)
    if (due.coldFromMs === undefined) break
    expect(due.coldFromMs).toBe(100)
    expect(due.keys).toHaveLength(500)
  }
  expect(new Set(fired)).toEqual(new Set(keys))
  expect(fired).toHaveLength(keys.length)
  expect(ledger.calls('row-store.timers')).toBeLessThanOrEqual(12)
  // And then none is due, without a look.
  ledger.reset()
  expect(await dueOf(rows, image, 100, 500)).toEqual({ keys: [], coldFromMs: undefined })
  expect(ledger.calls('row-store')).toBe(0)
})

test('entries of the index that name no timer are forgotten, and reads raise bounds', async () => {
  const { store, ledger, rows } = world()
  await store.write([rowOf('a', 2, [80]), { ...rowOf('b', 2), payload: undefined }, rowOf('c', 1, [30])])
  // Writers that come too late leave entries behind.
  await store.write([rowOf('a', 1, [10, 80]), rowOf('b', 1, [20])])
  const image = restoredKeyedImage(2)
  const due = await dueOf(rows, image, 40, 10)
  expect(due).toEqual({ keys: ['c'], coldFromMs: 80 })
  expect(ledger.units('row-store.forget-timer').writeUnits).toBe(2)
  const other = new TaskRows(store, NAMESPACE, MAX_PARALLELISM)
  ledger.reset()
  expect(await dueOf(other, image, 40, 10)).toEqual(due)
  expect(ledger.calls('row-store.forget-timer')).toBe(0)
  const raised = image.bounds.raised(rows.raisedBounds(image))
  expect(raised.earliest(UID, 'event', KEY_GROUPS)).toBe(30)
  expect(raised.get(UID, 'event', keyGroupOf('a', MAX_PARALLELISM))).toBe(
    keyGroupOf('a', MAX_PARALLELISM) === keyGroupOf('c', MAX_PARALLELISM) ? 30 : 80,
  )
})

test('what reads found of an earlier image raises no bound of a later one', async () => {
  const { store, rows } = world()
  await store.write([rowOf('a', 1, [500])])
  const image = restoredKeyedImage(1)
  await dueOf(rows, image, 40, 10)
  expect(rows.raisedBounds(image)).not.toEqual([])
  const keyGroup = keyGroupOf('a', MAX_PARALLELISM)
  const changed = applyKeyed(image, { rows: [rowChange(UID, keyGroup, '"a"', undefined)] }, 3)
  const materialized = { through: 3, lowered: [[UID, 'event', keyGroup, 50]] as const }
  expect(rows.raisedBounds(applyKeyed(changed, { rows: [], materialized }, 4))).toEqual([])
})

test('an entry that comes before its row is left alone by whoever does not see the row yet', async () => {
  const clock = new ManualClock()
  const memory = new MemoryRowStore({ clock })
  const store = memory.client()
  await store.write([rowOf('a', 3, [100])])
  // Another process materializes: the entry is there, the row has still to come.
  const dying: Faults = {
    ...NO_FAULTS,
    before: (operation) =>
      operation.name === 'write-row' ? Promise.reject(new Throttled(operation)) : Promise.resolve(),
  }
  await memory
    .client({ faults: dying })
    .write([rowOf('a', 7, [50])])
    .catch(() => {})
  const entries = (): ReturnType<RowStore['timers']> =>
    store.timers(rowOf('a', 1).partition, 'event', 1_000, 10)
  expect((await entries()).timers.map(({ timeMs }) => timeMs)).toEqual([50, 100])

  const rows = new TaskRows(store, NAMESPACE, MAX_PARALLELISM)
  const due = await dueOf(rows, restoredKeyedImage(3), 100, 10)
  expect(due.keys).toEqual(['a'])
  expect((await entries()).timers.map(({ timeMs }) => timeMs)).toEqual([50, 100])
})
