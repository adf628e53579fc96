import { expect, test } from 'vitest'
import { emptyKeyedImage, type KeyedImage } from '../../../../lib/serverless/state/keyed-image.ts'
import { overlayBackends } from '../../../../lib/serverless/state/overlay-backends.ts'
import { RowMissing } from '../../../../lib/serverless/state/row-missing.ts'
import { TimerBounds } from '../../../../lib/serverless/state/timer-bounds.ts'
import { CallLedger } from '../../../world/call-ledger.ts'
import { MemoryRowStore } from '../../../world/memory-row-store.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import type { KeyedStateBackend } from '../../../../lib/state/keyed-backend.ts'
import { listState, mapState, valueState, type StateHandles } from '../../../../lib/stream/state.ts'
import { optionsOf, SimLog, SimProcess, UID } from './task-sim.ts'

const spec = { v: valueState<string>(), m: mapState<string, number>(), l: listState<number>() }
type Handles = StateHandles<typeof spec>

function at(backend: KeyedStateBackend, key: string): Handles {
  backend.setCurrentKey(key)
  return backend.handles as unknown as Handles
}

const NOTHING_CACHED = { get: () => undefined }
const NOTHING_STORED = { get: () => ({ payload: undefined }) }

function world() {
  const ledger = new CallLedger()
  const store = new MemoryRowStore({ clock: new ManualClock() }).client({ ledger })
  const log = new SimLog()
  return { ledger, store, log, process: new SimProcess(store, spec) }
}

async function materializeAll(log: SimLog, process: SimProcess): Promise<void> {
  log.foldTo(log.position)
  while (await process.materialize(log, 0, 100_000, true)) log.foldTo(log.position)
}

test('a row that is nowhere is missing, by its address; nothing of the turn can be taken then', () => {
  const backends = overlayBackends({ image: emptyKeyedImage, rows: NOTHING_CACHED })
  const backend = backends.factory.create(optionsOf(spec))
  expect(backends.missing).toBeUndefined()
  let caught: unknown
  try {
    at(backend, 'a')
  } catch (fault) {
    // As user code might.
    caught = fault
  }
  expect(caught).toBeInstanceOf(RowMissing)
  expect(backends.missing).toMatchObject({ type: 'row', uid: UID, keyText: '"a"' })
  expect(() => at(backend, 'a')).toThrow('the row of key "a" is not in memory')
  expect(() => backends.takeChanges()).toThrow(RowMissing)
})

test('changes are taken once, and must be committed before the next', () => {
  const backends = overlayBackends({ image: emptyKeyedImage, rows: NOTHING_STORED })
  const backend = backends.factory.create(optionsOf(spec))
  at(backend, 'a').v.update('x')
  expect(backends.takeChanges()).toHaveLength(1)
  expect(() => backends.takeChanges()).toThrow('changes of op were taken, and not committed')
  backends.committed(emptyKeyedImage)
  expect(backends.takeChanges()).toEqual([])
})

test('a row that was removed leaves memory with its turn, and is not seen again', async () => {
  const { log, process } = world()
  await process.turn(log, 0, ['a'], (backend) => at(backend, 'a').v.update('x'))
  await process.turn(log, 0, ['a', 'b'], (backend) => {
    at(backend, 'a').v.clear()
    at(backend, 'b')
  })
  expect(process.backend!.has('a')).toBe(false)
  expect(await process.turn(log, 0, ['a'], (backend) => at(backend, 'a').v.value())).toBeUndefined()
})

test('no snapshots, and no segments', () => {
  const backend = overlayBackends({ image: emptyKeyedImage, rows: NOTHING_STORED }).factory.create(
    optionsOf(spec),
  )
  at(backend, 'a').v.update('x')
  expect(backend.snapshot()).toBeUndefined()
  expect(() => backend.restore([{ name: 'it', bytes: new Uint8Array() }], 'refuse')).toThrow(
    'imported into the store',
  )
})

test('the bounds tell of timers that nobody has read; firing stops before them', () => {
  const image: KeyedImage = {
    ...emptyKeyedImage,
    bounds: TimerBounds.none.lowered([
      [UID, 'event', 2, 50],
      [UID, 'processing', 3, 20],
    ]),
  }
  const backends = overlayBackends({ image, rows: NOTHING_STORED })
  const backend = backends.factory.create(optionsOf(spec))
  expect([backend.nextTimer('event'), backend.nextTimer('processing')]).toEqual([50, 20])
  expect(backends.coldTimers('event', 49)).toEqual([])
  expect(backends.coldTimers('event', 50)).toEqual([{ uid: UID, domain: 'event', upToMs: 50 }])
  at(backend, 'a').v.update('x')
  for (const timeMs of [40, 50, 60]) backend.registerTimer('event', timeMs)
  expect(backend.popDueTimer('event', 100)).toBe(40)
  expect(backend.popDueTimer('event', 100)).toBe(50)
  expect(backend.popDueTimer('event', 100)).toBeUndefined()
  // A watermark that passed on now would overtake timers.
  expect(() => backends.takeChanges()).toThrow('stopped before cold timers')
  expect(backend.nextTimer('event')).toBe(50)
  backends.of(UID)!.warm('event', [], undefined)
  expect(backend.popDueTimer('event', 100)).toBe(60)
  expect(backend.nextTimer('event')).toBeUndefined()
  expect(backends.takeChanges()).toHaveLength(1)
})

test('one entry of a map of 100,000 changes a bounded number of rows, and is read cold from few', async () => {
  const { log, process, store, ledger } = world()
  await process.turn(log, 0, ['a'], (backend) => {
    const { m } = at(backend, 'a')
    for (let i = 0; i < 100_000; i++) m.put(`entry-${i}`, i)
  })
  const before = log.current.overlay.size
  expect(before).toBeGreaterThan(1_000)
  await materializeAll(log, process)
  expect(log.current.overlay.size).toBe(0)

  const cold = new SimProcess(store, spec)
  ledger.reset()
  const seen = await cold.turn(log, 0, ['a'], (backend) => at(backend, 'a').m.get('entry-777'))
  expect(seen).toBe(777)
  // The row of the key, and the bucket.
  expect([cold.redone, ledger.calls('row-store.get')]).toEqual([1, 2])
  await cold.turn(log, 0, ['a'], (backend) => at(backend, 'a').m.put('entry-777', -1))
  expect(log.current.overlay.size).toBe(2)
  await cold.turn(log, 0, ['a'], (backend) => at(backend, 'a').m.remove('entry-5'))
  expect(log.current.overlay.size).toBeLessThanOrEqual(5)

  // Who wants all of it gets it in few steps.
  const other = new SimProcess(store, spec)
  const sum = await other.turn(log, 0, ['a'], (backend) =>
    [...at(backend, 'a').m.values()].reduce((a, b) => a + b, 0),
  )
  expect(sum).toBe((100_000 * 99_999) / 2 - 777 - 1 - 5)
  expect(other.redone).toBe(3)
})

test('keys of 1 KB and values of 1 MB', async () => {
  const { log, process, store } = world()
  const keys = ['a', 'b'].map((end) => 'é'.repeat(512) + end)
  const value = 'x'.repeat(1_000_000)
  await process.turn(log, 0, keys, (backend) => keys.forEach((key) => at(backend, key).v.update(value + key)))
  const read = (backend: KeyedStateBackend): unknown => keys.map((key) => at(backend, key).v.value())
  const expected = keys.map((key) => value + key)
  process.restart()
  expect(await process.turn(log, 0, keys, read)).toEqual(expected)
  await materializeAll(log, process)
  expect(await new SimProcess(store, spec).turn(log, 0, keys, read)).toEqual(expected)
})

test('what takes too much memory is dropped after a turn, and comes back with its timers', async () => {
  const { log, process } = world()
  const value = 'x'.repeat(1_000_000)
  const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
  let most = 0
  for (const key of keys) {
    await process.turn(log, 0, [key], (backend) => {
      at(backend, key).v.update(value)
      backend.registerTimer('event', Number(key.slice(4)))
    })
    most = Math.max(most, process.backend!.stats().keysInMemory)
  }
  expect(most).toBeLessThan(20)
  await materializeAll(log, process)
  const fired: number[] = []
  for (let next: number | undefined = 0; next !== undefined;) {
    next = await process.turn(
      log,
      0,
      [],
      (backend) => {
        for (
          let due = backend.popDueTimer('event', 100);
          due !== undefined;
          due = backend.popDueTimer('event', 100)
        ) {
          expect(backend.currentKey).toBe(`key-${due}`)
          fired.push(due)
        }
        return backend.nextTimer('event')
      },
      { domain: 'event', upToMs: 100, limit: 7 },
    )
  }
  expect(fired).toEqual(keys.map((_, i) => i))
})

test('timers of rows that were fetched and dropped again are not lost', async () => {
  const { log, process, store } = world()
  const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)
  await process.turn(log, 0, keys, (backend) => {
    for (const key of keys) {
      at(backend, key).v.update('x'.repeat(1_000_000))
      backend.registerTimer('event', Number(key.slice(4)))
    }
  })
  await materializeAll(log, process)
  const cold = new SimProcess(store, spec)
  const firing = { domain: 'event', upToMs: 100, limit: 100 } as const
  await cold.turn(log, 0, [], () => {}, firing)
  // They take too much, and leave although nothing changed.
  expect(cold.backend!.stats().keysInMemory).toBeLessThan(2)
  const fired: unknown[] = []
  await cold.turn(
    log,
    0,
    [],
    (backend) => {
      while (backend.popDueTimer('event', 100) !== undefined) fired.push(backend.currentKey)
      expect(backend.nextTimer('event')).toBeUndefined()
    },
    firing,
  )
  expect(fired).toEqual(keys)
})
