import { expect, test } from 'vitest'
import { UserError } from '../../../../lib/model/faults.ts'
import { keyGroupRange } from '../../../../lib/model/key-groups.ts'
import { copyRows, type CopyCursor } from '../../../../lib/serverless/state/copy-rows.ts'
import { importRows } from '../../../../lib/serverless/state/import-rows.ts'
import { applyKeyed, emptyKeyedImage, type KeyedImage } from '../../../../lib/serverless/state/keyed-image.ts'
import { STATE_LIMITS } from '../../../../lib/serverless/state/limits.ts'
import { materializationDue, materializeSome } from '../../../../lib/serverless/state/materialize.ts'
import { rowChange, type RowChange } from '../../../../lib/serverless/state/row-change.ts'
import { describeStates } from '../../../../lib/state/describe-states.ts'
import { heapBackends } from '../../../../lib/state/heap-backend.ts'
import type { KeyedStateBackend } from '../../../../lib/state/keyed-backend.ts'
import { SegmentReader } from '../../../../lib/state/segment/segment-reader.ts'
import {
  listState,
  mapState,
  valueState,
  type StateHandles,
  type StateSpec,
} from '../../../../lib/stream/state.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { CallLedger } from '../../../world/call-ledger.ts'
import { MemoryRowStore } from '../../../world/memory-row-store.ts'
import { KEY_GROUPS, MAX_PARALLELISM, NAMESPACE, optionsOf, SimLog, SimProcess, UID } from './task-sim.ts'

const spec = {
  v: valueState<number>({ ttl: '100 ms' }),
  m: mapState<number, number>({ ttl: '1 h' }),
  l: listState<number>({ ttl: '1 h' }),
}
const subjectOf = (states: StateSpec) => ({
  namespace: NAMESPACE,
  operatorUid: UID,
  maxParallelism: MAX_PARALLELISM,
  states: describeStates(states),
  keyGroups: KEY_GROUPS,
})

function world() {
  const ledger = new CallLedger()
  const store = new MemoryRowStore({ clock: new ManualClock(), pageRowsMax: 10 })
  const client = store.client({ ledger })
  return { store, client, ledger, log: new SimLog(), process: new SimProcess(client, spec) }
}

const at = (backend: KeyedStateBackend, key: string): StateHandles<typeof spec> => {
  backend.setCurrentKey(key)
  return backend.handles as unknown as StateHandles<typeof spec>
}

const changesOf = (keys: readonly number[], payload: number): RowChange[] =>
  keys.map((key) => rowChange(UID, key % MAX_PARALLELISM, `${key}`, Uint8Array.of(payload)))

function imageOf(turns: readonly (readonly number[])[]): KeyedImage {
  return turns.reduce(
    (image, keys, i) => applyKeyed(image, { rows: changesOf(keys, i + 1) }, i + 1),
    emptyKeyedImage,
  )
}

test('the oldest rows are written first, each once, whole turns at a time', async () => {
  const { client, store } = world()
  const image = imageOf([[1, 2, 3], [4, 5], [1, 6], [7]])
  const first = await materializeSome(client, NAMESPACE, { image, materializedThrough: 0 }, 9, 3)
  // The last versions of 2 and 3 are of the first turn, those of 4 and 5 of the second.
  expect(first).toEqual({ through: 2, lowered: [] })
  const second = await materializeSome(client, NAMESPACE, { image, materializedThrough: 2 }, 9, 100)
  expect(second).toEqual({ through: 4, lowered: [], finishedAtMs: 9 })
  expect(await materializeSome(client, NAMESPACE, { image, materializedThrough: 4 }, 9)).toBeUndefined()
  const written = [0, 1, 2, 3].flatMap((keyGroup) =>
    store.rows({ namespace: NAMESPACE, operatorUid: UID, keyGroup }),
  )
  expect(Object.fromEntries(written.map(({ rowKey, position }) => [rowKey, position]))).toEqual({
    1: 3,
    2: 1,
    3: 1,
    4: 2,
    5: 2,
    6: 3,
    7: 4,
  })
})

test('materialization is due with many rows, with large ones, with age, and before a rest', () => {
  const calm = { nowMs: 1_000, sinceMs: 0, idle: false }
  const few = imageOf([[1, 2]])
  expect(materializationDue(emptyKeyedImage, { ...calm, idle: true, nowMs: 1e12 })).toBe(false)
  expect(materializationDue(few, calm)).toBe(false)
  expect(materializationDue(few, { ...calm, idle: true })).toBe(true)
  expect(materializationDue(few, { ...calm, nowMs: STATE_LIMITS.overlayAgeMsMax + 1 })).toBe(true)
  const lately = { ...few, materializedAtMs: STATE_LIMITS.overlayAgeMsMax }
  expect(materializationDue(lately, { ...calm, nowMs: STATE_LIMITS.overlayAgeMsMax + 1 })).toBe(false)
  const many = imageOf([Array.from({ length: STATE_LIMITS.overlayRowsMax + 1 }, (_, i) => i)])
  expect(materializationDue(many, calm)).toBe(true)
  const large = rowChange(UID, 0, 'large', new Uint8Array(STATE_LIMITS.overlayBytesMax + 1))
  expect(materializationDue(applyKeyed(few, { rows: [large] }, 2), calm)).toBe(true)
})

test('a copy comes in pieces, and has stored rows and those of the overlay once, without what expired', async () => {
  const { client, log, process } = world()
  const keys = Array.from({ length: 60 }, (_, i) => `key-${i}`)
  await process.turn(log, 0, keys, (backend) => {
    for (const key of keys) at(backend, key).v.update(1)
    for (let i = 0; i < 500; i++) {
      at(backend, 'key-7').m.put(i, i)
      at(backend, 'key-7').l.add(i)
    }
  })
  log.foldTo(log.position)
  while (await process.materialize(log, 0, 10, true)) log.foldTo(log.position)
  await process.turn(log, 50, keys.slice(0, 20), (backend) => {
    for (const key of keys.slice(0, 20)) at(backend, key).v.update(2)
    at(backend, 'key-3').v.clear()
  })
  const segments: Uint8Array[] = []
  let cursor: CopyCursor | undefined
  do {
    const copied = await copyRows(client, subjectOf(spec), log.current, cursor, 100, 400)
    if (copied.segment !== undefined) segments.push(copied.segment.bytes)
    cursor = copied.cursor
  } while (cursor !== undefined)
  expect(segments.length).toBeGreaterThan(3)
  const rows = segments.flatMap((bytes, i) =>
    Array.from(new SegmentReader({ name: `${i}`, bytes }).rows(KEY_GROUPS), ([, row]) => row),
  )
  const names = rows.map(({ keyText, state, bucket }) => `${keyText}/${state}/${bucket}`)
  expect(new Set(names).size).toBe(names.length)
  const mains = rows.filter(({ state }) => state === undefined).map(({ keyText }) => keyText)
  const expected = keys
    .slice(0, 20)
    .filter((key) => key !== 'key-3')
    .map((key) => JSON.stringify(key))
  expect(mains.toSorted()).toEqual(expected.toSorted())
  // Told from the payload where the row is stored, as it was when the row was written.
  const buckets = rows.filter(({ state }) => state !== undefined)
  expect(new Set(buckets.map(({ expiresAtMs }) => expiresAtMs))).toEqual(new Set([3_600_000]))
  expect(
    new Set(rows.filter(({ keyText }) => keyText === '"key-9"').map(({ expiresAtMs }) => expiresAtMs)),
  ).toEqual(new Set([150]))
})

test('an import takes the later of two segments, its own key groups, and no state that nobody declares', async () => {
  const { client, store, ledger } = world()
  const old = { v: valueState<number>(), gone: mapState<number, number>() }
  const heap = heapBackends.create(optionsOf(old))
  const segments = [1, 2].map((n) => {
    for (let i = 0; i < 20 / n; i++) {
      heap.setCurrentKey(i)
      const { v, gone } = heap.handles as unknown as StateHandles<typeof old>
      v.update(n)
      gone.put(n, n)
    }
    return { name: `${n}`, bytes: heap.snapshot()!.segment }
  })
  const target = {
    ...optionsOf({ v: valueState<number>() }),
    keyGroups: keyGroupRange(MAX_PARALLELISM, 2, 1),
    namespace: 'new',
    position: 5,
  }
  await expect(importRows(client, target, segments, 'refuse', undefined, 0)).rejects.toThrow(UserError)
  expect(ledger.calls('row-store')).toBe(0)
  expect((await importRows(client, target, segments, 'drop', undefined, 0)).cursor).toBeUndefined()
  const found = new Map<number, number>()
  for (const keyGroup of [0, 1, 2, 3]) {
    const rows = store.rows({ namespace: 'new', operatorUid: UID, keyGroup })
    found.set(keyGroup, rows.length)
    for (const { position, rowKey } of rows) expect([position, rowKey.includes('gone')]).toEqual([5, false])
  }
  expect([found.get(0), found.get(1)]).toEqual([0, 0])
  expect(found.get(2)! + found.get(3)!).toBeGreaterThan(5)
})

test('an import refuses a key that is too long for the store, and says whose and how long it is', async () => {
  const { client, ledger } = world()
  const heap = heapBackends.create(optionsOf(spec))
  at(heap, 'x'.repeat(20_000)).v.update(1)
  const segments = [{ name: 'long', bytes: heap.snapshot()!.segment }]
  const target = { ...optionsOf(spec), namespace: 'new', position: 5 }
  await expect(importRows(client, target, segments, 'refuse', undefined, 0)).rejects.toThrow(
    new UserError(
      `A savepoint cannot be taken in. Operator '${UID}': expected a key of at most 19000 characters as JSON, got one of ` +
        `20002: "${'x'.repeat(59)}… Key by a part of it, or by a hash`,
    ),
  )
  expect(ledger.calls('row-store')).toBe(0)
})
