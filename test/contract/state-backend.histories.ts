import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeSegments } from '../../lib/state/segment/merge-segments.ts'
import { listState, mapState, reducingState, valueState } from '../../lib/stream/state.ts'
import type { Subject, SubjectMaker } from './state-backend.support.ts'

const spec = {
  v: valueState<number>(),
  r: reducingState<number>((a, b) => a + b),
  l: listState<number>(),
  m: mapState<number, number>(),
}

/** The state of one key, as the plainest thing that could be right. */
interface Model {
  v: number | undefined
  r: number | undefined
  l: number[]
  m: Map<number, number>
  timers: Set<number>
}

const key = fc.integer({ min: 0, max: 5 })
const number = fc.integer({ min: 0, max: 600 })
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('update' as const), key, n: number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('reduce' as const), key, n: number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), key, n: number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), key, n: number }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('putMany' as const), key, n: number }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('addMany' as const), key, n: number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), key, n: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeMany' as const), key, n: number }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('clear' as const), key, n: fc.integer({ min: 0, max: 15 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('timer' as const), key, n: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('untimer' as const), key, n: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fire' as const), key, n: number }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('endBatch' as const), key, n: number }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('snapshot' as const), key, n: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('markAll' as const), key, n: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('merge' as const), key, n: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), key, n: number }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

export function anyHistory(maker: SubjectMaker): void {
  describe('any history', () => {
    test('gives what a plain model gives', () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), (history) => {
          const run = new Run(maker)
          for (const each of history) run.step(each)
          run.check()
          run.restore()
          run.check()
          maker.closeAll()
        }),
        { numRuns: 150 },
      )
    })
  })
}

class Run {
  readonly #maker: SubjectMaker
  #subject: Subject<typeof spec>
  readonly #models = new Map<number, Model>()

  constructor(maker: SubjectMaker) {
    this.#maker = maker
    this.#subject = maker.make(spec)
  }

  step({ kind, key: at, n }: Operation): void {
    const subject = this.#subject
    const state = subject.at(at)
    const model = this.#model(at)
    switch (kind) {
      case 'update':
        state.v.update(n)
        model.v = n
        return
      case 'reduce':
        state.r.add(n)
        model.r = (model.r ?? 0) + n
        return
      case 'add':
        state.l.add(n)
        model.l.push(n)
        return
      case 'addMany':
        state.l.addAll(Array.from({ length: n }, (_, i) => i))
        for (let i = 0; i < n; i++) model.l.push(i)
        return
      case 'put':
        state.m.put(n, at)
        model.m.set(n, at)
        return
      case 'putMany':
        for (let i = 0; i < n; i++) {
          state.m.put(i, n)
          model.m.set(i, n)
        }
        return
      case 'remove':
        state.m.remove(n)
        model.m.delete(n)
        return
      case 'removeMany':
        for (const each of state.m.keys()) if (each >= n) state.m.remove(each)
        for (const each of model.m.keys()) if (each >= n) model.m.delete(each)
        return
      case 'clear':
        this.#clear(model, n)
        return
      case 'timer':
        subject.backend.registerTimer('event', n)
        model.timers.add(n)
        return
      case 'untimer':
        subject.backend.deleteTimer('event', n)
        model.timers.delete(n)
        return
      case 'fire':
        this.#fire(n)
        return
      case 'endBatch':
        subject.backend.endBatch()
        return
      case 'snapshot':
        subject.snapshot()
        return
      case 'markAll':
        subject.backend.markAllChanged()
        return
      case 'merge':
        this.#merge(n)
        return
      case 'restore':
        this.restore()
    }
  }

  /** Goes on in a new backend. */
  restore(): void {
    this.#subject.snapshot()
    this.#subject = this.#maker.restore(spec, this.#subject.segments)
  }

  check(): void {
    for (const [at, model] of this.#models) {
      const { v, r, l, m } = this.#subject.at(at)
      expect(v.value()).toBe(model.v)
      expect(r.get()).toBe(model.r)
      expect(l.get()).toEqual(model.l)
      expect(m.isEmpty()).toBe(model.m.size === 0)
      expect(new Map(m.entries())).toEqual(model.m)
      expect([...m.keys()]).toHaveLength(model.m.size)
    }
    expect(this.#subject.backend.nextTimer('event')).toBe(this.#pendingTimers()[0]?.[1])
  }

  #clear(model: Model, which: number): void {
    const { v, r, l, m } = this.#subject.state
    if ((which & 1) !== 0) v.clear()
    if ((which & 1) !== 0) model.v = undefined
    if ((which & 2) !== 0) r.clear()
    if ((which & 2) !== 0) model.r = undefined
    if ((which & 4) !== 0) l.clear()
    if ((which & 4) !== 0) model.l = []
    if ((which & 8) !== 0) m.clear()
    if ((which & 8) !== 0) model.m.clear()
  }

  #fire(upToMs: number): void {
    const due = this.#pendingTimers().filter(([, timeMs]) => timeMs <= upToMs)
    const fired = this.#subject.fireAll('event', upToMs) as [number, number][]
    expect(fired.map(([, timeMs]) => timeMs)).toEqual(due.map(([, timeMs]) => timeMs))
    expect(new Set(fired.map(String))).toEqual(new Set(due.map(String)))
    for (const [at, timeMs] of due) this.#model(at).timers.delete(timeMs)
  }

  /** Merges the segments from some point on; with the earliest among them, nothing is left for tombstones to hide. */
  #merge(n: number): void {
    const { segments } = this.#subject
    if (segments.length === 0) return
    const from = n % segments.length
    const merged = mergeSegments(segments.slice(from), { dropTombstones: from === 0 })
    segments.splice(from, segments.length - from, { name: 'merged', bytes: merged })
  }

  #pendingTimers(): [number, number][] {
    return [...this.#models]
      .flatMap(([at, model]) => [...model.timers].map((timeMs): [number, number] => [at, timeMs]))
      .toSorted(([, a], [, b]) => a - b)
  }

  #model(at: number): Model {
    let model = this.#models.get(at)
    if (model === undefined) {
      model = { v: undefined, r: undefined, l: [], m: new Map(), timers: new Set() }
      this.#models.set(at, model)
    }
    return model
  }
}
