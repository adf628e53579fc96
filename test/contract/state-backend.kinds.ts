import { describe, expect, test } from 'vitest'
import type { Key } from '../../lib/model/keys.ts'
import { aggregatingState, listState, mapState, reducingState, valueState } from '../../lib/stream/state.ts'
import type { SubjectMaker } from './state-backend.support.ts'

export function stateKinds(maker: SubjectMaker): void {
  describe('keys', () => {
    test('a handle works on the current key', () => {
      const subject = maker.make({ v: valueState<number>() })
      subject.at('a').v.update(1)
      subject.at('b').v.update(2)
      expect(subject.at('a').v.value()).toBe(1)
      expect(subject.backend.currentKey).toBe('a')
      expect(subject.at('c').v.value()).toBeUndefined()
    })

    test('keys are told apart by contents and type', () => {
      const subject = maker.make({ v: valueState<number>() })
      const keys: Key[] = ['1', 1, true, 'true', 1n, ['1'], [1], { a: 1 }, { a: '1' }, '[1]', '\0[1]', '']
      keys.forEach((key, i) => subject.at(key).v.update(i))
      expect(keys.map((key) => subject.at(structuredClone(key)).v.value())).toEqual(keys.map((_, i) => i))
      expect(subject.at({ a: 1 }).v.value()).toBe(7)
    })

    test('a key of 1 KB and one of 10 KB work', () => {
      const spec = { v: valueState<number>() }
      const subject = maker.make(spec)
      const keys = [1_024, 10_240].flatMap((length) => [
        `${'é'.repeat(length / 2)}a`,
        `${'é'.repeat(length / 2)}b`,
      ])
      keys.forEach((key, i) => subject.at(key).v.update(i))
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      expect(keys.map((key) => restored.at(key).v.value())).toEqual([0, 1, 2, 3])
    })

    test('what is no key is refused', () => {
      const subject = maker.make({ v: valueState<number>() })
      expect(() => subject.at(undefined as unknown as Key)).toThrow('Expected key to be')
      expect(() => subject.at(Number.NaN)).toThrow('got NaN')
    })

    test('state without a current key is a defect of the caller, and said so', () => {
      const subject = maker.make({ v: valueState<number>() })
      expect(() => subject.state.v.value()).toThrow('Expected a current key')
    })

    test('the current key stays current over the end of a batch', () => {
      const subject = maker.make({ v: valueState<number>() })
      subject.at('a')
      subject.backend.endBatch()
      subject.state.v.update(1)
      subject.backend.endBatch()
      expect(subject.at('a').v.value()).toBe(1)
    })

    test('empty rows are forgotten', () => {
      const subject = maker.make({
        v: valueState<number>(),
        m: mapState<string, number>(),
        l: listState<number>(),
      })
      for (let i = 0; i < 100; i++) {
        subject.at(i).v.update(i)
        subject.state.m.put('a', 1)
        subject.state.l.add(1)
        subject.backend.registerTimer('event', i)
        expect(subject.state.l.get()).toEqual([1])
        subject.state.v.clear()
        subject.state.m.remove('a')
        subject.state.l.clear()
        subject.backend.deleteTimer('event', i)
      }
      subject.at('other')
      subject.backend.endBatch()
      subject.at('another')
      subject.backend.endBatch()
      expect(subject.backend.stats().keys).toBeLessThanOrEqual(1)
    })
  })

  describe('value state', () => {
    test('updates and clears', () => {
      const { v } = maker.make({ v: valueState<number | null>() }).at('a')
      expect(v.value()).toBeUndefined()
      v.update(1)
      v.update(2)
      expect(v.value()).toBe(2)
      v.update(null)
      expect(v.value()).toBeNull()
      v.clear()
      expect(v.value()).toBeUndefined()
    })

    test('an update to undefined clears', () => {
      const { v } = maker.make({ v: valueState<number | undefined>() }).at('a')
      v.update(1)
      v.update(undefined)
      expect(v.value()).toBeUndefined()
    })

    test('the default is returned, not stored', () => {
      const subject = maker.make({ v: valueState({ default: 7 }) })
      expect(subject.at('a').v.value()).toBe(7)
      subject.at('b')
      expect(subject.snapshot()).toBeUndefined()
      subject.at('a').v.update(8)
      expect(subject.state.v.value()).toBe(8)
      subject.state.v.clear()
      expect(subject.state.v.value()).toBe(7)
    })

    test('an object as the default does not leak from key to key', () => {
      const subject = maker.make({ v: valueState({ default: { seen: [] as string[] } }) })
      subject.at('a').v.value().seen.push('a')
      expect(subject.at('b').v.value()).toEqual({ seen: [] })
    })
  })

  describe('list state', () => {
    test('adds, replaces and clears', () => {
      const { l } = maker.make({ l: listState<number>() }).at('a')
      expect(l.get()).toEqual([])
      l.add(1)
      l.addAll([2, 3])
      expect(l.get()).toEqual([1, 2, 3])
      l.update([4])
      expect(l.get()).toEqual([4])
      l.update([])
      expect(l.get()).toEqual([])
      l.add(5)
      l.clear()
      expect(l.get()).toEqual([])
    })

    test('what was read does not change', () => {
      const { l } = maker.make({ l: listState<number>() }).at('a')
      l.add(1)
      const read = l.get()
      l.add(2)
      expect(read).toEqual([1])
    })

    test('does not keep the array that it was given', () => {
      const { l } = maker.make({ l: listState<number>() }).at('a')
      const given = [1]
      l.update(given)
      given.push(2)
      expect(l.get()).toEqual([1])
    })
  })

  describe('map state', () => {
    test('has the operations of a map', () => {
      const { m } = maker.make({ m: mapState<string, number>() }).at('a')
      expect([m.isEmpty(), m.contains('x'), m.get('x')]).toEqual([true, false, undefined])
      m.put('x', 1)
      m.putAll([
        ['y', 2],
        ['z', 3],
      ])
      m.put('x', 4)
      expect(m.isEmpty()).toBe(false)
      expect([m.get('x'), m.contains('y'), m.contains('q')]).toEqual([4, true, false])
      expect([...m.entries()]).toEqual([
        ['x', 4],
        ['y', 2],
        ['z', 3],
      ])
      expect([...m.keys()]).toEqual(['x', 'y', 'z'])
      expect([...m.values()]).toEqual([4, 2, 3])
      m.remove('x')
      m.remove('q')
      expect([...m.keys()]).toEqual(['y', 'z'])
      m.clear()
      expect([m.isEmpty(), ...m.keys()]).toEqual([true])
    })

    test('keys of different types are different', () => {
      const { m } = maker.make({ m: mapState<string | number | boolean | bigint, number>() }).at('a')
      m.putAll([
        ['1', 1],
        [1, 2],
        [true, 3],
        [1n, 4],
      ])
      expect([m.get('1'), m.get(1), m.get(true), m.get(1n)]).toEqual([1, 2, 3, 4])
    })

    test('refuses a key that is not primitive', () => {
      const { m } = maker.make({ m: mapState<string, number>() }).at('a')
      expect(() => m.put({} as unknown as string, 1)).toThrow('Expected a map key to be text')
    })

    test.for([10, 1_000])('entries may be removed during iteration of %i', (size) => {
      const { m } = maker.make({ m: mapState<number, number>() }).at('a')
      for (let i = 0; i < size; i++) m.put(i, i)
      const seen: number[] = []
      for (const [key] of m.entries()) {
        seen.push(key)
        m.remove(key)
      }
      expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i))
      expect(m.isEmpty()).toBe(true)
    })

    test('entries that are removed during iteration before their turn do not show', () => {
      const { m } = maker.make({ m: mapState<number, number>() }).at('a')
      for (let i = 0; i < 1_000; i++) m.put(i, i)
      const seen: number[] = []
      for (const key of m.keys()) {
        seen.push(key)
        for (let other = 0; other < 1_000; other++) if (other !== key && seen.length === 1) m.remove(other)
      }
      expect(seen).toHaveLength(1)
      expect([...m.keys()]).toEqual(seen)
    })

    test.for([10, 1_000])('entries may be put during iteration of %i', (size) => {
      const { m } = maker.make({ m: mapState<number, number>() }).at('a')
      for (let i = 0; i < size; i++) m.put(i, i)
      const seen: number[] = []
      for (const key of m.keys()) {
        seen.push(key)
        if (key >= size) continue
        for (let copy = 1; copy <= 5; copy++) m.put(key + copy * size, key)
      }
      const old = seen.filter((key) => key < size)
      expect(old.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i))
      expect(new Set(seen).size).toBe(seen.length)
      expect([...m.keys()]).toHaveLength(size * 6)
    })
  })

  describe('reducing and aggregating state', () => {
    test('reduces what is added', () => {
      const { r } = maker.make({ r: reducingState<number>((a, b) => a + b) }).at('a')
      expect(r.get()).toBeUndefined()
      for (const value of [1, 2, 3]) r.add(value)
      expect(r.get()).toBe(6)
      r.clear()
      expect(r.get()).toBeUndefined()
      r.add(4)
      expect(r.get()).toBe(4)
    })

    test('aggregates what is added', () => {
      const average = aggregatingState<number, { sum: number; count: number }, number>({
        createAccumulator: () => ({ sum: 0, count: 0 }),
        add: (value, { sum, count }) => ({ sum: sum + value, count: count + 1 }),
        getResult: ({ sum, count }) => sum / count,
      })
      const subject = maker.make({ avg: average })
      expect(subject.at('a').avg.get()).toBeUndefined()
      for (const value of [1, 2, 6]) subject.at('a').avg.add(value)
      subject.at('b').avg.add(10)
      expect([subject.at('a').avg.get(), subject.at('b').avg.get()]).toEqual([3, 10])
      subject.state.avg.clear()
      expect(subject.state.avg.get()).toBeUndefined()
    })
  })
}
