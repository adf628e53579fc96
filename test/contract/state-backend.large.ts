import { describe, expect, test } from 'vitest'
import type { RestoredSegment } from '../../lib/state/keyed-backend.ts'
import { describeSegment } from '../../lib/state/segment/describe-segment.ts'
import { mergeSegments } from '../../lib/state/segment/merge-segments.ts'
import { listState, mapState, valueState } from '../../lib/stream/state.ts'
import type { SubjectMaker } from './state-backend.support.ts'

const spec = { m: mapState<string, number>(), l: listState<number>(), v: valueState<string>() }
const ENTRIES = 100_000

function merged(segments: readonly RestoredSegment[]): RestoredSegment {
  return { name: 'merged', bytes: mergeSegments(segments, { dropTombstones: true }) }
}

export function largeState(maker: SubjectMaker): void {
  describe('large state', () => {
    test('a change of one entry of a large map costs one bucket', () => {
      const subject = maker.make(spec)
      const { m } = subject.at('a')
      for (let i = 0; i < ENTRIES; i++) m.put(`entry-${i}`, i)
      subject.snapshot()
      m.put('entry-500', -1)
      const changed = subject.snapshot()!
      expect(changed.segment.length).toBeLessThan(8_192)
      m.remove('entry-501')
      const removed = subject.snapshot()!
      expect(removed.segment.length).toBeLessThan(8_192)

      const restored = maker.restore(spec, subject.segments).at('a').m
      expect([restored.get('entry-500'), restored.get('entry-501'), restored.get('entry-502')]).toEqual([
        -1,
        undefined,
        502,
      ])
      let sum = 0
      for (const value of restored.values()) sum += value
      expect(sum).toBe((ENTRIES * (ENTRIES - 1)) / 2 - 500 - 501 - 1)
    })

    test('an addition to a long list costs one chunk', () => {
      const subject = maker.make(spec)
      const { l } = subject.at('a')
      for (let i = 0; i < ENTRIES; i++) l.add(i)
      subject.snapshot()
      l.add(ENTRIES)
      expect(subject.snapshot()!.segment.length).toBeLessThan(4_096)
      const items = maker.restore(spec, subject.segments).at('a').l.get()
      expect(items).toEqual(Array.from({ length: ENTRIES + 1 }, (_, i) => i))
    })

    test('a map and a list that shrink or are cleared leave nothing behind', () => {
      const subject = maker.make(spec)
      const { m, l } = subject.at('a')
      for (let i = 0; i < 2_000; i++) {
        m.put(`entry-${i}`, i)
        l.add(i)
      }
      subject.snapshot()
      for (let i = 10; i < 2_000; i++) m.remove(`entry-${i}`)
      l.update([1, 2])
      subject.snapshot()
      let restored = maker.restore(spec, subject.segments)
      expect([...restored.at('a').m.keys()].toSorted()).toEqual(
        Array.from({ length: 10 }, (_, i) => `entry-${i}`),
      )
      expect(restored.state.l.get()).toEqual([1, 2])
      restored.backend.markAllChanged()
      expect(restored.snapshot()!.rows).toBe(1)

      for (let i = 0; i < 2_000; i++) m.put(`again-${i}`, i)
      subject.snapshot()
      m.clear()
      l.clear()
      subject.at('b')
      subject.snapshot()
      restored = maker.restore(spec, subject.segments)
      expect(restored.backend.stats().keys).toBe(0)
    })

    test('a map that grew, was cleared and grew again between snapshots', () => {
      const subject = maker.make(spec)
      const { m } = subject.at('a')
      for (let i = 0; i < 5_000; i++) m.put(`entry-${i}`, i)
      m.clear()
      for (let i = 0; i < 300; i++) m.put(`new-${i}`, i)
      subject.snapshot()
      expect(Array.from({ length: 300 }, (_, i) => m.get(`new-${i}`))).toEqual(
        Array.from({ length: 300 }, (_, i) => i),
      )
      m.clear()
      for (let i = 0; i < 1_000; i++) m.put(`newer-${i}`, i)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments).at('a').m
      expect([...restored.keys()].toSorted()).toEqual([...m.keys()].toSorted())
      expect([...restored.keys()]).toHaveLength(1_000)
    })

    test('a list that was replaced by a shorter one between snapshots', () => {
      const subject = maker.make(spec)
      const { l } = subject.at('a')
      l.update(Array.from({ length: 5_000 }, (_, i) => i))
      l.update(Array.from({ length: 300 }, (_, i) => -i))
      subject.snapshot()
      l.add(1)
      subject.snapshot()
      expect(l.get()).toHaveLength(301)
      expect(maker.restore(spec, subject.segments).at('a').l.get()).toEqual(l.get())
      expect(describeSegment(merged(subject.segments)).buckets).toEqual({ l: 3 })
    })

    test('a map that shrinks entry by entry, with a snapshot after each', () => {
      const subject = maker.make(spec)
      const { m } = subject.at('a')
      for (let i = 0; i < 1_000; i++) m.put(`${i}`, i)
      subject.snapshot()
      for (let i = 999; i >= 10; i--) {
        m.remove(`${i}`)
        subject.snapshot()
        if (i % 100 !== 0) continue
        const restored = maker.restore(spec, [merged(subject.segments)]).at('a').m
        expect([...restored.values()].toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: i }, (_, n) => n),
        )
      }
      expect(describeSegment(merged(subject.segments))).toMatchObject({ keys: 1, buckets: {} })
    })

    test('large values work', () => {
      const subject = maker.make(spec)
      const text = 'x'.repeat(3_000_000)
      subject.at('a').v.update(text)
      subject.snapshot()
      expect(maker.restore(spec, subject.segments).at('a').v.value()).toBe(text)
    })
  })
}
