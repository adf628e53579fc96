import { describe, expect, test } from 'vitest'
import { valueState } from '../../lib/stream/state.ts'
import type { SubjectMaker } from './state-backend.support.ts'

const spec = { v: valueState<number>() }

export function timers(maker: SubjectMaker): void {
  describe('timers', () => {
    test('fire by time, then in the order of registration', () => {
      const subject = maker.make(spec)
      for (const [key, timeMs] of [
        ['b', 20],
        ['c', 10],
        ['a', 10],
        ['d', 30],
        ['b', 10],
      ] as const) {
        subject.at(key)
        subject.backend.registerTimer('event', timeMs)
      }
      expect(subject.backend.nextTimer('event')).toBe(10)
      expect(subject.fireAll('event', 20)).toEqual([
        ['c', 10],
        ['a', 10],
        ['b', 10],
        ['b', 20],
      ])
      expect(subject.backend.nextTimer('event')).toBe(30)
      expect(subject.fireAll('event', 29)).toEqual([])
      expect(subject.fireAll('event', 30)).toEqual([['d', 30]])
      expect(subject.backend.nextTimer('event')).toBeUndefined()
    })

    test('are registered once for a key, a domain and a time', () => {
      const subject = maker.make(spec)
      for (const domain of ['event', 'processing', 'event', 'processing'] as const) {
        for (const key of ['a', 'b', 'a']) {
          subject.at(key)
          subject.backend.registerTimer(domain, 5)
        }
      }
      expect(subject.fireAll('event')).toEqual([
        ['a', 5],
        ['b', 5],
      ])
      expect(subject.fireAll('processing')).toEqual([
        ['a', 5],
        ['b', 5],
      ])
    })

    test('can be deleted, also when there is none', () => {
      const subject = maker.make(spec)
      subject.at('a')
      for (const timeMs of [1, 2, 3]) subject.backend.registerTimer('event', timeMs)
      subject.backend.deleteTimer('event', 1)
      subject.backend.deleteTimer('event', 3)
      subject.backend.deleteTimer('event', 99)
      subject.backend.deleteTimer('processing', 2)
      expect(subject.backend.nextTimer('event')).toBe(2)
      expect(subject.fireAll('event')).toEqual([['a', 2]])
    })

    test('one that was deleted and registered again counts from then', () => {
      const subject = maker.make(spec)
      for (const key of ['a', 'b']) {
        subject.at(key)
        subject.backend.registerTimer('event', 5)
      }
      subject.at('a')
      subject.backend.deleteTimer('event', 5)
      subject.backend.registerTimer('event', 5)
      expect(subject.fireAll('event')).toEqual([
        ['b', 5],
        ['a', 5],
      ])
    })

    test('a firing timer may register others, due ones too', () => {
      const subject = maker.make(spec)
      subject.at('a')
      subject.backend.registerTimer('event', 1)
      const fired: number[] = []
      for (let due = subject.backend.popDueTimer('event', 5); due !== undefined;) {
        fired.push(due)
        subject.backend.registerTimer('event', due + 2)
        due = subject.backend.popDueTimer('event', 5)
      }
      expect(fired).toEqual([1, 3, 5])
      expect(subject.backend.nextTimer('event')).toBe(7)
    })

    test('take negative times, fractions and the end of time', () => {
      const subject = maker.make(spec)
      subject.at('a')
      const times = [-5.5, -5, 0, 0.25, 1e15, Infinity]
      for (const timeMs of times.toReversed()) subject.backend.registerTimer('event', timeMs)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      expect(subject.fireAll('event').map(([, timeMs]) => timeMs)).toEqual(times)
      expect(restored.fireAll('event').map(([, timeMs]) => timeMs)).toEqual(times)
      expect(() => subject.backend.registerTimer('event', Number.NaN)).toThrow('got NaN')
    })

    test('many of one key, half of them deleted', () => {
      const subject = maker.make(spec)
      subject.at('a')
      for (let i = 0; i < 5_000; i++) subject.backend.registerTimer('event', (i * 7919) % 5_000)
      for (let i = 0; i < 5_000; i += 2) subject.backend.deleteTimer('event', i)
      expect(subject.fireAll('event').map(([, timeMs]) => timeMs)).toEqual(
        Array.from({ length: 2_500 }, (_, i) => i * 2 + 1),
      )
    })

    test('survive a restore, ordered by time, then by key', () => {
      const subject = maker.make(spec)
      for (const key of ['c', 'a', 'b']) {
        subject.at(key)
        subject.backend.registerTimer('event', 10)
        subject.backend.registerTimer('processing', 20)
      }
      subject.at('b')
      subject.backend.registerTimer('event', 5)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      restored.at('Z')
      restored.backend.registerTimer('event', 10)
      expect(restored.backend.nextTimer('event')).toBe(5)
      expect(restored.fireAll('event')).toEqual([
        ['b', 5],
        ['a', 10],
        ['b', 10],
        ['c', 10],
        ['Z', 10],
      ])
      expect(restored.fireAll('processing')).toEqual([
        ['a', 20],
        ['b', 20],
        ['c', 20],
      ])
    })

    test('that fired or were deleted stay gone after a restore', () => {
      const subject = maker.make(spec)
      for (const key of ['a', 'b', 'c']) {
        subject.at(key)
        subject.backend.registerTimer('event', 10)
      }
      subject.snapshot()
      expect(subject.backend.popDueTimer('event', 10)).toBe(10)
      subject.at('b')
      subject.backend.deleteTimer('event', 10)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      expect(restored.fireAll('event')).toEqual([['c', 10]])
      expect(restored.backend.stats().keys).toBeLessThanOrEqual(1)
    })
  })
}
