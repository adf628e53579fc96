import { describe, expect, test } from 'vitest'
import { describeSegment } from '../../lib/state/segment/describe-segment.ts'
import { mergeSegments } from '../../lib/state/segment/merge-segments.ts'
import {
  aggregatingState,
  listState,
  mapState,
  reducingState,
  valueState,
  type StateDescriptor,
  type TtlOptions,
} from '../../lib/stream/state.ts'
import type { Subject, SubjectMaker } from './state-backend.support.ts'

const TTL_MS = 100

/** One kind of state, reduced to writing and reading one thing. */
interface Probe {
  readonly declare: (ttl: TtlOptions) => StateDescriptor
  readonly write: (state: never) => void
  /** Whether what was written shows. */
  readonly read: (state: never) => boolean
}

const sum = {
  createAccumulator: () => 0,
  add: (value: number, accumulator: number) => value + accumulator,
  getResult: (accumulator: number) => accumulator,
}

type Handle = ReturnType<typeof handles>
function handles(subject: Subject<Record<string, never>>) {
  return subject.state
}

const probes: Record<string, Probe> = {
  value: probe(
    (ttl) => valueState<number>({ ttl }),
    (s) => s.update(1),
    (s) => s.value() !== undefined,
  ),
  reducing: probe(
    (ttl) => reducingState<number>((a, b) => a + b, { ttl }),
    (s) => s.add(1),
    (s) => s.get() !== undefined,
  ),
  aggregating: probe(
    (ttl) => aggregatingState(sum, { ttl }),
    (s) => s.add(1),
    (s) => s.get() !== undefined,
  ),
  list: probe(
    (ttl) => listState<number>({ ttl }),
    (s) => s.add(1),
    (s) => s.get().length > 0,
  ),
  'map, get': probe(
    (ttl) => mapState<string, number>({ ttl }),
    (s) => s.put('x', 1),
    (s) => s.get('x') === 1,
  ),
  'map, contains': probe(
    (ttl) => mapState<string, number>({ ttl }),
    (s) => s.put('x', 1),
    (s) => s.contains('x'),
  ),
  'map, entries': probe(
    (ttl) => mapState<string, number>({ ttl }),
    (s) => s.put('x', 1),
    (s) => [...s.entries()].length > 0,
  ),
}

// oxlint-disable-next-line typescript/no-explicit-any -- one table for the handles of all kinds
function probe(declare: Probe['declare'], write: (state: any) => void, read: (state: any) => boolean): Probe {
  return { declare, write, read }
}

const NEVER = 'NeverReturnExpired'
const RETURN = 'ReturnExpiredIfNotCleanedUp'
const CREATE = 'OnCreateAndWrite'
const READ = 'OnReadAndWrite'

/** Written at 0 with a time-to-live of 100; then read at these times. What each read shows, as in Flink. */
const table: [
  TtlOptions['updateType'],
  TtlOptions['visibility'],
  (readonly [atMs: number, shows: boolean])[],
][] = [
  [
    CREATE,
    NEVER,
    [
      [0, true],
      [99, true],
      [100, false],
      [101, false],
    ],
  ],
  [CREATE, NEVER, [[100, false]]],
  [
    CREATE,
    RETURN,
    [
      [99, true],
      [100, true],
      [101, false],
    ],
  ],
  [
    CREATE,
    RETURN,
    [
      [5_000, true],
      [5_000, false],
    ],
  ],
  [
    READ,
    NEVER,
    [
      [99, true],
      [198, true],
      [297, true],
      [397, false],
      [398, false],
    ],
  ],
  [
    READ,
    NEVER,
    [
      [50, true],
      [149, true],
      [249, false],
    ],
  ],
  [
    READ,
    RETURN,
    [
      [99, true],
      [198, true],
      [298, true],
      [299, false],
    ],
  ],
]

export function timeToLive(maker: SubjectMaker): void {
  describe('time-to-live', () => {
    for (const [kind, { declare, write, read }] of Object.entries(probes)) {
      test.for(table)(`${kind}: %s, %s, %j`, ([updateType, visibility, reads]) => {
        const ttl = { ttl: TTL_MS, updateType: updateType!, visibility: visibility! }
        const subject = maker.make({ s: declare(ttl) })
        subject.at('a')
        const state = (subject.state as { s: Handle }).s as never
        write(state)
        for (const [atMs, shows] of reads) {
          // Not through endBatch: the sweep may clean up at any time.
          subject.backend.setNow(atMs)
          expect(read(state), `at ${atMs}`).toBe(shows)
        }
      })
    }

    test('is renewed by a write', () => {
      const subject = maker.make({ v: valueState<number>({ ttl: TTL_MS }) })
      const { v } = subject.at('a')
      v.update(1)
      subject.setNow(99)
      v.update(2)
      subject.setNow(198)
      expect(v.value()).toBe(2)
      subject.setNow(199)
      expect(v.value()).toBeUndefined()
    })

    test('of a value with a default ends in the default', () => {
      const subject = maker.make({ v: valueState({ default: 7, ttl: TTL_MS }) })
      const { v } = subject.at('a')
      v.update(1)
      subject.setNow(100)
      expect(v.value()).toBe(7)
    })

    test('runs for each item of a list and each entry of a map', () => {
      const subject = maker.make({
        l: listState<number>({ ttl: TTL_MS }),
        m: mapState<string, number>({ ttl: TTL_MS }),
      })
      const { l, m } = subject.at('a')
      for (const atMs of [0, 40, 80]) {
        subject.setNow(atMs)
        l.add(atMs)
        m.put(`at ${atMs}`, atMs)
      }
      m.put('at 0', 1)
      subject.setNow(140)
      expect(l.get()).toEqual([80])
      expect([...m.entries()]).toEqual([
        ['at 0', 1],
        ['at 80', 80],
      ])
      subject.setNow(180)
      expect(l.get()).toEqual([])
      expect(m.isEmpty()).toBe(true)
    })

    test('a map whose entries all expired is empty before anyone cleans up', () => {
      const subject = maker.make({ m: mapState<string, number>({ ttl: TTL_MS }) })
      const { m } = subject.at('a')
      m.put('x', 1)
      subject.backend.setNow(TTL_MS)
      expect(m.isEmpty()).toBe(true)
    })

    test('a reduction whose value expired starts afresh', () => {
      const subject = maker.make({
        r: reducingState<number>((a, b) => a + b, { ttl: TTL_MS }),
        a: aggregatingState(sum, { ttl: TTL_MS }),
      })
      const { r, a } = subject.at('a')
      r.add(1)
      a.add(1)
      subject.backend.setNow(TTL_MS)
      r.add(10)
      a.add(10)
      expect([r.get(), a.get()]).toEqual([10, 10])
    })

    test('survives a restore', () => {
      const spec = {
        v: valueState<number>({ ttl: TTL_MS }),
        l: listState<number>({ ttl: TTL_MS }),
        m: mapState<string, number>({ ttl: TTL_MS }),
      }
      const subject = maker.make(spec)
      subject.at('a').v.update(1)
      subject.state.l.add(1)
      subject.state.m.put('x', 1)
      subject.setNow(50)
      subject.state.l.add(2)
      subject.snapshot()
      const restored = maker.restore(spec, subject.segments)
      restored.setNow(99)
      const { v, l, m } = restored.at('a')
      expect([v.value(), l.get(), m.get('x')]).toEqual([1, [1, 2], 1])
      restored.setNow(100)
      expect([v.value(), l.get(), m.get('x')]).toEqual([undefined, [2], undefined])
    })

    test('what is never accessed again is swept, and its tombstones are written', () => {
      const spec = { v: valueState<number>({ ttl: TTL_MS }) }
      const subject = maker.make(spec)
      for (let i = 0; i < 200; i++) subject.at(i).v.update(i)
      subject.snapshot()
      subject.setNow(TTL_MS)
      subject.at('other')
      for (let i = 0; i < 100; i++) subject.backend.endBatch()
      subject.snapshot()
      expect(subject.backend.stats().keys).toBeLessThanOrEqual(1)
      expect(maker.restore(spec, subject.segments).backend.stats().keys).toBe(0)
    })

    test('a stream of new keys does not outgrow the sweep', () => {
      const subject = maker.make({ v: valueState<number>({ ttl: TTL_MS }) })
      let most = 0
      for (let batch = 0; batch < 50; batch++) {
        for (let i = 0; i < 100; i++) subject.at(`${batch}/${i}`).v.update(i)
        subject.setNow(batch * 10)
        most = Math.max(most, subject.backend.stats().keys)
      }
      expect(most).toBeLessThan(2_500)
    })

    test('a large map and a long list under one key shed what expired', () => {
      const subject = maker.make({
        m: mapState<number, number>({ ttl: TTL_MS }),
        l: listState<number>({ ttl: TTL_MS }),
      })
      subject.at('a')
      for (let i = 0; i < 20_000; i++) {
        // Not through endBatch, which would sweep: adding itself must shed.
        subject.backend.setNow(Math.floor(i / 100))
        subject.state.m.put(i, i)
        subject.state.l.add(i)
        if (i % 2_000 === 1_999)
          subject.segments.push({ name: `${i}`, bytes: subject.backend.snapshot()!.segment })
      }
      // 10,000 of each are alive: at least 156 buckets and 79 chunks.
      const { buckets } = describeSegment({
        name: 'merged',
        bytes: mergeSegments(subject.segments, { dropTombstones: true }),
      })
      expect(buckets['m']).toBeLessThan(250)
      expect(buckets['l']).toBeLessThan(90)
      expect(subject.state.l.get()).toHaveLength(10_000)
      expect([...subject.state.m.keys()]).toHaveLength(10_000)
    })
  })
}
