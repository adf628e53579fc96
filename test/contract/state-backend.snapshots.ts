import { describe, expect, test } from 'vitest'
import { UserError } from '../../lib/model/faults.ts'
import { inRange, keyGroupRange } from '../../lib/model/key-groups.ts'
import { keyGroupOf } from '../../lib/model/key-hash.ts'
import type { RestoredSegment } from '../../lib/state/keyed-backend.ts'
import { describeSegment } from '../../lib/state/segment/describe-segment.ts'
import { mergeSegments } from '../../lib/state/segment/merge-segments.ts'
import { SegmentReader } from '../../lib/state/segment/segment-reader.ts'
import { listState, mapState, valueState } from '../../lib/stream/state.ts'
import { MAX_PARALLELISM, type Subject, type SubjectMaker } from './state-backend.support.ts'

const spec = { v: valueState<number>(), l: listState<number>(), m: mapState<string, number>() }
const ALL = keyGroupRange(MAX_PARALLELISM, 1, 0)

/** The keys that a segment has rows of, and whether they are tombstones. */
function keysIn(segment: Uint8Array): Record<string, boolean> {
  const rows = [...new SegmentReader({ name: 'test', bytes: segment }).rows(ALL)]
  return Object.fromEntries(rows.map(([, row]) => [row.keyText, row.payload !== undefined]))
}

function fill(subject: Subject<typeof spec>, keys: number, offset = 0): void {
  for (let i = 0; i < keys; i++) {
    const { v, l, m } = subject.at(`key-${i}`)
    v.update(i + offset)
    l.add(i + offset)
    m.put(`x${offset}`, i)
  }
}

export function snapshots(maker: SubjectMaker): void {
  describe('snapshots', () => {
    test('hold what changed since the last', () => {
      const subject = maker.make(spec)
      expect(subject.snapshot()).toBeUndefined()
      for (const key of ['a', 'b', 'c']) subject.at(key).v.update(1)
      const first = subject.snapshot()!
      expect(keysIn(first.segment)).toEqual({ '"a"': true, '"b"': true, '"c"': true })
      expect(first).toMatchObject({ rows: 3, full: true })
      expect(subject.snapshot()).toBeUndefined()

      subject.at('b').v.update(2)
      subject.at('a').v.value()
      subject.at('c').v.clear()
      subject.at('d').l.add(1)
      const second = subject.snapshot()!
      expect(keysIn(second.segment)).toEqual({ '"b"': true, '"c"': false, '"d"': true })
      expect(second).toMatchObject({ rows: 3, full: false })
    })

    test('do not mention rows that came and went in between', () => {
      const subject = maker.make(spec)
      subject.at('a').v.update(1)
      subject.snapshot()
      subject.at('b').v.update(1)
      subject.state.v.clear()
      subject.at('a')
      expect(subject.snapshot()).toBeUndefined()
    })

    test('a row that went and came back is as it came back', () => {
      const subject = maker.make(spec)
      subject.at('a').v.update(1)
      subject.snapshot()
      subject.at('a').v.clear()
      subject.at('b')
      subject.backend.endBatch()
      subject.at('a').l.add(2)
      subject.snapshot()
      expect(maker.restore(spec, subject.segments).at('a').v.value()).toBeUndefined()
      subject.at('a').l.clear()
      subject.at('b')
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      expect(restored.backend.stats().keys).toBe(0)
      expect(restored.at('a').l.get()).toEqual([])
    })

    test('a row that went, came back and went again is gone', () => {
      const subject = maker.make(spec)
      subject.at('a').v.update(1)
      subject.snapshot()
      for (const value of [undefined, 2, undefined]) {
        if (value === undefined) subject.at('a').v.clear()
        else subject.at('a').v.update(value)
        subject.at('b')
        subject.backend.endBatch()
      }
      expect(keysIn(subject.snapshot()!.segment)).toEqual({ '"a"': false })
    })

    test('say which key groups they hold, and come in order of them', () => {
      const subject = maker.make(spec)
      fill(subject, 50)
      const delta = subject.snapshot()!
      const groups = new SegmentReader({ name: 'test', bytes: delta.segment }).keyGroups()
      expect(groups).toEqual(groups.toSorted((a, b) => a - b))
      expect(delta.keyGroups).toEqual({ first: groups[0], last: groups.at(-1) })
    })

    test('restored, give the original back', () => {
      const subject = maker.make(spec)
      fill(subject, 100)
      subject.snapshot()
      fill(subject, 50, 1_000)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      expect(restored.backend.stats().keys).toBe(100)
      for (let i = 0; i < 100; i++) {
        const { v, l, m } = restored.at(`key-${i}`)
        const again = i < 50
        expect(v.value()).toBe(again ? i + 1_000 : i)
        expect(l.get()).toEqual(again ? [i, i + 1_000] : [i])
        expect([...m.entries()]).toEqual(
          again
            ? [
                ['x0', i],
                ['x1000', i],
              ]
            : [['x0', i]],
        )
      }
    })

    test('after a restore hold only what changed since', () => {
      const subject = maker.make(spec)
      fill(subject, 10)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      expect(restored.snapshot()).toBeUndefined()
      restored.at('key-3').v.update(-3)
      restored.at('key-4').v.value()
      expect(keysIn(restored.snapshot()!.segment)).toEqual({ '"key-3"': true })
      expect(maker.restore(spec, restored.segments).at('key-3').v.value()).toBe(-3)
    })

    test('hold everything after markAllChanged', () => {
      const subject = maker.make(spec)
      fill(subject, 10)
      subject.snapshot()
      subject.at('key-1').v.update(-1)
      subject.backend.markAllChanged()
      const delta = subject.snapshot()!
      expect(delta).toMatchObject({ rows: 10, full: true })
      expect(
        maker
          .restore(spec, [{ name: 'all', bytes: delta.segment }])
          .at('key-1')
          .v.value(),
      ).toBe(-1)
    })

    test('refuse values that are not plain data, by operator and state', () => {
      const subject = maker.make({ v: valueState<unknown>() }, { operatorUid: 'jump' })
      subject.at('a').v.update(() => 1)
      expect(() => subject.snapshot()).toThrow("Operator 'jump', state 'v': expected plain data")
    })

    test('merged, equal the segments that they were merged from', () => {
      const subject = maker.make(spec)
      fill(subject, 60)
      subject.snapshot()
      fill(subject, 20, 1_000)
      subject.at('key-30').v.clear()
      subject.state.l.clear()
      subject.state.m.clear()
      subject.snapshot()
      fill(subject, 5, 2_000)
      subject.snapshot()
      const [first, ...rest] = subject.segments
      const expected = contents(maker.restore(spec, subject.segments))
      const all = merge(subject.segments, true)
      expect(contents(maker.restore(spec, [all]))).toEqual(expected)
      expect(contents(maker.restore(spec, [first!, merge(rest, false)]))).toEqual(expected)
      expect(describeSegment(all)).toMatchObject({ keys: 59, tombstones: 0, rows: 59 })
      expect(describeSegment(merge(rest, false))).toMatchObject({ tombstones: 1 })
    })

    test.for([
      [1, 3, 2],
      [2, 5, 1],
    ])('rescale %j', (parallelisms) => {
      let segments: RestoredSegment[] = []
      let round = 0
      for (const parallelism of parallelisms) {
        const written: RestoredSegment[] = []
        for (let subtaskIndex = 0; subtaskIndex < parallelism; subtaskIndex++) {
          const range = keyGroupRange(MAX_PARALLELISM, parallelism, subtaskIndex)
          const subject =
            round === 0
              ? maker.make(spec, { parallelism, subtaskIndex })
              : maker.restore(spec, segments, { parallelism, subtaskIndex })
          for (let i = 0; i < 100; i++) {
            if (!inRange(range, keyGroupOf(i, MAX_PARALLELISM))) continue
            expect(subject.at(i).l.get()).toEqual(Array.from({ length: round }, (_, before) => before))
            subject.state.l.add(round)
            subject.backend.registerTimer('event', i)
          }
          subject.snapshot()
          const timers = subject.fireAll('event').map(([key]) => key)
          expect(timers).toEqual(timers.filter((key) => inRange(range, keyGroupOf(key, MAX_PARALLELISM))))
          written.push(...subject.segments.slice(round === 0 ? 0 : segments.length))
        }
        segments = [...segments, ...written]
        round++
      }
    })
  })

  describe('restore', () => {
    test('refuses changed kinds, unknown states and another maximum parallelism, all at once', () => {
      const subject = maker.make({ a: valueState(), b: listState(), c: mapState(), d: valueState() })
      subject.at('k').a.update(1)
      subject.snapshot()
      const changed = { a: valueState(), b: mapState(), d: valueState({ ttl: '1 h' }) }
      const restore = (): unknown => maker.restore(changed, subject.segments, { maxParallelism: 32 })
      expect(restore).toThrow(UserError)
      expect(restore).toThrow(
        "Operator 'op', state 'b': found list state without TTL in the checkpoint, expected map",
      )
      expect(restore).toThrow(
        "Operator 'op', state 'c': found map state without TTL in the checkpoint, expected none",
      )
      expect(restore).toThrow(
        "state 'd': found value state without TTL in the checkpoint, expected value state with",
      )
      expect(restore).toThrow('expected maximum parallelism 16, at which its state was written, got 32')
    })

    test('takes state that was added, and drops unknown state where it may', () => {
      const old = maker.make({ a: valueState<number>(), gone: mapState<number, number>() })
      old.at('k').a.update(1)
      for (let i = 0; i < 500; i++) old.state.gone.put(i, i)
      old.at('only gone').gone.put(1, 1)
      old.snapshot()
      const restored = maker.restore({ z: listState<number>(), a: valueState<number>() }, old.segments, {
        onUnknownState: 'drop',
      })
      expect([restored.at('k').a.value(), restored.state.z.get()]).toEqual([1, []])
      const delta = restored.snapshot()!
      expect(delta).toMatchObject({ full: true, rows: 1 })
      expect(describeSegment({ name: 'x', bytes: delta.segment }).states.map((state) => state.name)).toEqual([
        'z',
        'a',
      ])
    })

    test('refuses segments of another operator', () => {
      const subject = maker.make(spec)
      subject.at('a').v.update(1)
      subject.snapshot()
      expect(() => maker.restore(spec, subject.segments, { operatorUid: 'other' })).toThrow(
        "State segment delta-0: expected state of operator 'other', got 'op'",
      )
    })

    test('refuses truncated and damaged segments by name', () => {
      const subject = maker.make(spec)
      fill(subject, 20)
      const { segment } = subject.snapshot()!
      const target = maker.make(spec).backend
      for (let cut = 0; cut < segment.length; cut += 7) {
        const bytes = segment.slice(0, cut)
        expect(() => target.restore([{ name: 'chk-7/op', bytes }], 'refuse')).toThrow(
          'State segment chk-7/op: ',
        )
      }
      for (let at = 0; at < segment.length; at += 7) {
        if (at >= 6 && at < 8) continue
        const bytes = segment.slice()
        bytes[at]! ^= 0x10
        expect(() => target.restore([{ name: 'chk-7/op', bytes }], 'refuse')).toThrow(
          'State segment chk-7/op: ',
        )
      }
    })
  })
}

function merge(part: RestoredSegment[], dropTombstones: boolean): RestoredSegment {
  return { name: 'merged', bytes: mergeSegments(part, { dropTombstones }) }
}

function contents(subject: Subject<typeof spec>): unknown {
  return Array.from({ length: 60 }, (_, i) => {
    const { v, l, m } = subject.at(`key-${i}`)
    return [v.value(), l.get(), [...m.entries()]]
  })
}
