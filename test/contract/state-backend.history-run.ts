import { mergeSegments } from '../../lib/state/segment/merge-segments.ts'
import { listState, mapState, reducingState, valueState } from '../../lib/stream/state.ts'
import type { Subject, SubjectMaker } from './state-backend.support.ts'

const spec = {
  v: valueState<number>(),
  r: reducingState<number>((a, b) => a + b),
  l: listState<number>(),
  m: mapState<number, number>(),
}

/** What may happen, and how often beside the others. */
export const WEIGHTS = {
  update: 3,
  reduce: 3,
  add: 3,
  addMany: 2,
  put: 3,
  putMany: 2,
  remove: 3,
  removeMany: 1,
  clear: 2,
  timer: 3,
  untimer: 1,
  fire: 1,
  endBatch: 2,
  snapshot: 2,
  markAll: 1,
  merge: 1,
  restore: 1,
}

export interface Operation {
  readonly kind: keyof typeof WEIGHTS
  readonly key: number
  readonly n: number
}

/** The state of one key, as the plainest thing that could be right. */
interface Model {
  v: number | undefined
  r: number | undefined
  l: number[]
  m: Map<number, number>
  timers: Set<number>
}

/** One history, run on a backend and on a model. */
export class HistoryRun {
  readonly #maker: SubjectMaker
  #subject: Subject<typeof spec>
  readonly #models = new Map<number, Model>()
  readonly #fired: unknown[] = []
  readonly #due: unknown[] = []

  constructor(maker: SubjectMaker) {
    this.#maker = maker
    this.#subject = maker.make(spec)
  }

  step({ kind, key, n }: Operation): void {
    this.#subject.at(key)
    this.#steps[kind](this.#model(key), n, key)
  }

  /** Goes on in a new backend. */
  restore(): void {
    this.#subject.snapshot()
    this.#subject = this.#maker.restore(spec, this.#subject.segments)
  }

  observed(): unknown {
    const keys = [...this.#models.keys()].map((key) => {
      const { v, r, l, m } = this.#subject.at(key)
      const entries = [...m.entries()].toSorted(([a], [b]) => a - b)
      return [v.value(), r.get(), l.get(), m.isEmpty(), entries]
    })
    return { keys, next: this.#subject.backend.nextTimer('event'), fired: this.#fired }
  }

  expected(): unknown {
    const keys = [...this.#models.values()].map(({ v, r, l, m }) => {
      return [v, r, l, m.size === 0, [...m].toSorted(([a], [b]) => a - b)]
    })
    return { keys, next: this.#pendingTimers()[0]?.[0], fired: this.#due }
  }

  readonly #steps: Readonly<Record<Operation['kind'], (model: Model, n: number, key: number) => void>> = {
    update: (model, n) => {
      this.#subject.state.v.update(n)
      model.v = n
    },
    reduce: (model, n) => {
      this.#subject.state.r.add(n)
      model.r = (model.r ?? 0) + n
    },
    add: (model, n) => {
      this.#subject.state.l.add(n)
      model.l.push(n)
    },
    addMany: (model, n) => {
      this.#subject.state.l.addAll(Array.from({ length: n }, (_, i) => i))
      for (let i = 0; i < n; i++) model.l.push(i)
    },
    put: (model, n, key) => {
      this.#subject.state.m.put(n, key)
      model.m.set(n, key)
    },
    putMany: (model, n) => {
      for (let i = 0; i < n; i++) {
        this.#subject.state.m.put(i, n)
        model.m.set(i, n)
      }
    },
    remove: (model, n) => {
      this.#subject.state.m.remove(n)
      model.m.delete(n)
    },
    removeMany: (model, n) => {
      for (const each of this.#subject.state.m.keys()) if (each >= n) this.#subject.state.m.remove(each)
      for (const each of model.m.keys()) if (each >= n) model.m.delete(each)
    },
    clear: (model, n) => this.#clear(model, n),
    timer: (model, n) => {
      this.#subject.backend.registerTimer('event', n)
      model.timers.add(n)
    },
    untimer: (model, n) => {
      this.#subject.backend.deleteTimer('event', n)
      model.timers.delete(n)
    },
    fire: (_model, n) => this.#fire(n),
    endBatch: () => this.#subject.backend.endBatch(),
    snapshot: () => void this.#subject.snapshot(),
    markAll: () => this.#subject.backend.markAllChanged(),
    merge: (_model, n) => this.#merge(n),
    restore: () => this.restore(),
  }

  /** The bits of `which` say what. */
  #clear(model: Model, which: number): void {
    const { v, r, l, m } = this.#subject.state
    if ((which & 1) !== 0) {
      v.clear()
      model.v = undefined
    }
    if ((which & 2) !== 0) {
      r.clear()
      model.r = undefined
    }
    if ((which & 4) !== 0) {
      l.clear()
      model.l = []
    }
    if ((which & 8) !== 0) {
      m.clear()
      model.m.clear()
    }
  }

  #fire(upToMs: number): void {
    const fired = this.#subject
      .fireAll('event', upToMs)
      .map(([key, timeMs]) => [timeMs, key] as [number, number])
    const due = this.#pendingTimers().filter(([timeMs]) => timeMs <= upToMs)
    this.#fired.push(
      fired.map(([timeMs]) => timeMs),
      fired.map(String).toSorted(),
    )
    this.#due.push(
      due.map(([timeMs]) => timeMs),
      due.map(String).toSorted(),
    )
    for (const [timeMs, key] of due) this.#model(key).timers.delete(timeMs)
  }

  /** Merges the segments from some point on; with the earliest among them, nothing is left for tombstones to hide. */
  #merge(n: number): void {
    const { segments } = this.#subject
    if (segments.length === 0) return
    const from = n % segments.length
    const merged = mergeSegments(segments.slice(from), { dropTombstones: from === 0 })
    segments.splice(from, segments.length - from, { name: 'merged', bytes: merged })
  }

  #pendingTimers(): [timeMs: number, key: number][] {
    return [...this.#models]
      .flatMap(([key, model]) => [...model.timers].map((timeMs): [number, number] => [timeMs, key]))
      .toSorted(([a], [b]) => a - b)
  }

  #model(key: number): Model {
    let model = this.#models.get(key)
    if (model === undefined) {
      model = { v: undefined, r: undefined, l: [], m: new Map(), timers: new Set() }
      this.#models.set(key, model)
    }
    return model
  }
}
