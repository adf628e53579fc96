import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lmdbBackends } from '../../../lib/embedded/lmdb/lmdb-backend.ts'
import type { KeyedStateBackend } from '../../../lib/state/keyed-backend.ts'
import { mapState, valueState, type MapState, type ValueState } from '../../../lib/stream/state.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-lmdb-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function make(cacheBytes?: number): {
  backend: KeyedStateBackend
  v: ValueState<string>
  m: MapState<number, string>
} {
  const backend = lmdbBackends({ directory, cacheBytes }).create({
    operatorUid: 'op',
    spec: { v: valueState<string>(), m: mapState<number, string>() },
    maxParallelism: 16,
    keyGroups: { first: 0, last: 15 } as never,
  })
  return {
    backend,
    v: backend.handles['v'] as ValueState<string>,
    m: backend.handles['m'] as MapState<number, string>,
  }
}

describe('working files', () => {
  test('are removed on close', () => {
    const first = make().backend
    const second = make().backend
    expect(readdirSync(directory)).toHaveLength(2)
    first.close()
    expect(readdirSync(directory)).toHaveLength(1)
    second.close()
    expect(readdirSync(directory)).toEqual([])
  })

  test('take a temporary directory with them, when the last of them go', () => {
    const temporary = join(directory, 'of-a-run')
    const backends = lmdbBackends({ directory: temporary, isTemporary: true })
    const options = {
      operatorUid: 'op',
      spec: { v: valueState<string>() },
      maxParallelism: 16,
      keyGroups: { first: 0, last: 15 } as never,
    }
    const [first, second] = [backends.create(options), backends.create(options)]
    first.close()
    expect(readdirSync(temporary)).toHaveLength(1)
    second.close()
    expect(existsSync(temporary)).toBe(false)
    // A job that restarts opens new ones.
    backends.create(options).close()
    expect(existsSync(temporary)).toBe(false)
  })

  test('of dead processes are removed by the next; those of others stay', () => {
    const living = `state-${process.ppid}-0123456789abcdef-1`
    for (const name of [
      `state-${process.pid}-0123456789abcdef-1`,
      'state-99999999-0123456789abcdef-1',
      living,
    ]) {
      mkdirSync(join(directory, name))
    }
    writeFileSync(join(directory, 'notes.txt'), 'not ours')
    const { backend } = make()
    expect(readdirSync(directory)).toEqual(expect.arrayContaining([living, 'notes.txt']))
    expect(readdirSync(directory)).toHaveLength(3)
    backend.close()
    expect(existsSync(join(directory, 'notes.txt'))).toBe(true)
  })
})

describe('the cache', () => {
  test('keeps few rows in memory, within a batch too', () => {
    const { backend, v } = make(100_000)
    let most = 0
    for (let i = 0; i < 5_000; i++) {
      backend.setCurrentKey(i)
      v.update(`${i}`.repeat(10))
      backend.registerTimer('event', 10_000 - i)
      if (i % 2_000 === 0) backend.endBatch()
      most = Math.max(most, backend.stats().keysInMemory)
    }
    expect(most).toBeLessThan(500)
    let fired = 0
    for (
      let due = backend.popDueTimer('event', 1e6);
      due !== undefined;
      due = backend.popDueTimer('event', 1e6)
    ) {
      expect(due).toBe(5_001 + fired++)
      expect(backend.currentKey).toBe(10_000 - due)
      expect(v.value()).toBe(`${10_000 - due}`.repeat(10))
      most = Math.max(most, backend.stats().keysInMemory)
    }
    expect(fired).toBe(5_000)
    expect(most).toBeLessThan(500)
    expect(backend.stats().keys).toBe(5_000)
    backend.close()
  })

  test('timers of one time fire in the order of registration, wherever they are', () => {
    const { backend } = make(50_000)
    const keys = Array.from({ length: 2_000 }, (_, i) => (i * 7_919) % 2_000)
    for (const key of keys) {
      backend.setCurrentKey(key)
      backend.registerTimer('processing', 5)
    }
    backend.endBatch()
    expect(backend.stats().keysInMemory).toBeLessThan(500)
    // Some come back to memory, one of them without its timer.
    for (const key of [1, 2, 3]) backend.setCurrentKey(key)
    backend.deleteTimer('processing', 5)
    backend.registerTimer('processing', 5)
    const fired: unknown[] = []
    while (backend.nextTimer('processing') === 5) {
      backend.popDueTimer('processing', 5)
      fired.push(backend.currentKey)
    }
    expect(fired).toEqual([...keys.filter((key) => key !== 3), 3])
    backend.close()
  })

  test('a timer that was deleted while its row was in memory leaves no trace on disk', () => {
    const { backend } = make(50_000)
    const visit = (keys: number): void => {
      for (let i = 1; i <= keys; i++) {
        backend.setCurrentKey(i)
        backend.registerTimer('event', 1_000 + i)
      }
      backend.endBatch()
    }
    backend.setCurrentKey('a')
    backend.registerTimer('event', 5)
    visit(1_000)
    expect(backend.nextTimer('event')).toBe(5)
    backend.setCurrentKey('a')
    backend.deleteTimer('event', 5)
    visit(1_000)
    expect(backend.nextTimer('event')).toBe(1_001)
    backend.close()
  })

  test('goes by the size of rows', () => {
    const { backend, v } = make(1_000_000)
    for (let i = 0; i < 1_000; i++) {
      backend.setCurrentKey(i)
      v.update('x'.repeat(10_000))
      if (i % 10 === 0) backend.endBatch()
    }
    for (let i = 0; i < 1_000; i++) backend.setCurrentKey(i)
    backend.endBatch()
    expect(backend.stats().keysInMemory).toBeLessThan(50)
    backend.close()
  })

  test('keeps the rows in memory that are used most', () => {
    const { backend, v } = make(100_000)
    for (let i = 0; i < 20_000; i++) {
      backend.setCurrentKey(i % 2 === 0 ? 'hot' : i)
      v.update('x')
      if (i % 100 === 0) backend.endBatch()
    }
    expect(backend.stats().keysInMemory).toBeGreaterThan(50)
    expect(backend.stats().keys).toBe(10_001)
    backend.close()
  })

  test('a map larger than the cache, under one key', () => {
    const { backend, m } = make(500_000)
    backend.setCurrentKey('a')
    for (let i = 0; i < 50_000; i++) {
      m.put(i, `value ${i}`)
      if (i % 1_000 === 0) backend.endBatch()
    }
    expect(m.get(123)).toBe('value 123')
    let sum = 0
    for (const [key] of m.entries()) sum += key
    expect(sum).toBe((50_000 * 49_999) / 2)
    backend.close()
  })
})
