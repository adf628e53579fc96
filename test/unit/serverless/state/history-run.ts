import { deepStrictEqual, ok } from 'node:assert/strict'
import { copyRows, type CopyCursor } from '../../../../lib/serverless/state/copy-rows.ts'
import { importRows, type ImportCursor } from '../../../../lib/serverless/state/import-rows.ts'
import { restoredKeyedImage, type KeyedImage } from '../../../../lib/serverless/state/keyed-image.ts'
import { materializeSome } from '../../../../lib/serverless/state/materialize.ts'
import { describeStates } from '../../../../lib/state/describe-states.ts'
import { heapBackends } from '../../../../lib/state/heap-backend.ts'
import type { KeyedStateBackend, RestoredSegment, TimerDomain } from '../../../../lib/state/keyed-backend.ts'
import {
  listState,
  mapState,
  reducingState,
  valueState,
  type StateHandles,
  type StateSpec,
  type Ttl,
} from '../../../../lib/stream/state.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { MemoryRowStore } from '../../../world/memory-row-store.ts'
import { KEY_GROUPS, MAX_PARALLELISM, NAMESPACE, optionsOf, SimLog, SimProcess, UID } from './task-sim.ts'
import { KEYS, type ByWhom, type Change, type Step } from './history-steps.ts'

function specOf(ttl: Ttl | undefined) {
  const options = ttl === undefined ? {} : { ttl }
  return {
    v: valueState<number>(options),
    r: reducingState<number>((a, b) => a + b, options),
    l: listState<number>(options),
    m: mapState<number, number>(options),
    plain: valueState<number>(),
  } satisfies StateSpec
}
type Spec = ReturnType<typeof specOf>

function perform(backend: KeyedStateBackend, { kind, key, n }: Change): void {
  backend.setCurrentKey(key)
  const { v, r, l, m, plain } = backend.handles as unknown as StateHandles<Spec>
  switch (kind) {
    case 'update':
      if (n % 3 === 0) plain.update(n)
      return v.update(n)
    case 'clear':
      if ((n & 1) !== 0) v.clear()
      if ((n & 2) !== 0) r.clear()
      if ((n & 4) !== 0) l.clear()
      if ((n & 8) !== 0) m.clear()
      if ((n & 16) !== 0) plain.clear()
      return
    case 'reduce':
      return r.add(n)
    case 'add':
      return l.add(n)
    case 'addMany':
      return l.addAll(Array.from({ length: n }, (_, i) => i))
    case 'put':
      return m.put(n, n)
    case 'putMany':
      for (let i = 0; i < n; i++) m.put(i, n)
      return
    case 'remove':
      return m.remove(n)
    case 'removeMany':
      for (const each of m.keys()) if (each >= n) m.remove(each)
      return
    case 'event':
    case 'processing':
      return backend.registerTimer(kind, n)
    case 'untimer':
      backend.deleteTimer('event', n)
      return backend.deleteTimer('processing', n)
  }
}

/** All that can be seen of the state; reading is itself a change where it sheds what has expired. */
function look(backend: KeyedStateBackend, keys: readonly string[]): unknown {
  return keys.map((key) => {
    backend.setCurrentKey(key)
    const { v, r, l, m, plain } = backend.handles as unknown as StateHandles<Spec>
    return [
      key,
      v.value(),
      r.get(),
      l.get(),
      m.isEmpty(),
      [...m.entries()].toSorted(([a], [b]) => a - b),
      plain.value(),
    ]
  })
}

/** Fires what is due and in memory; some of what fires is registered again, later. Returns who fired. */
function fire(
  backend: KeyedStateBackend,
  domain: TimerDomain,
  upToMs: number,
): { fired: string[]; done: boolean } {
  const fired: string[] = []
  let lastMs = Number.NEGATIVE_INFINITY
  for (
    let dueMs = backend.popDueTimer(domain, upToMs);
    dueMs !== undefined;
    dueMs = backend.popDueTimer(domain, upToMs)
  ) {
    ok(dueMs >= lastMs, `${dueMs} fires after ${lastMs}`)
    lastMs = dueMs
    fired.push(`${String(dueMs).padStart(4)} ${backend.currentKey as string}`)
    const { plain } = backend.handles as unknown as StateHandles<Spec>
    plain.update((plain.value() ?? 0) + dueMs)
    if (dueMs % 3 === 0) backend.registerTimer(domain, upToMs + 1 + (dueMs % 10))
  }
  const nextMs = backend.nextTimer(domain)
  return { fired, done: nextMs === undefined || nextMs > upToMs }
}

/** The same history on the heap. It is told again from its beginning to go back. */
class Model {
  readonly #spec: Spec
  readonly #history: { readonly position: number; readonly tell: (backend: KeyedStateBackend) => void }[] = []
  backend: KeyedStateBackend

  constructor(spec: Spec) {
    this.#spec = spec
    this.backend = heapBackends.create(optionsOf(spec))
  }

  tell<T>(position: number, nowMs: number, what: (backend: KeyedStateBackend) => T): T {
    const tell = (backend: KeyedStateBackend): T => {
      backend.setNow(nowMs)
      const result = what(backend)
      backend.endBatch()
      return result
    }
    this.#history.push({ position, tell })
    return tell(this.backend)
  }

  goBackTo(position: number): void {
    this.#history.splice(0, Infinity, ...this.#history.filter((item) => item.position <= position))
    this.backend = heapBackends.create(optionsOf(this.#spec))
    for (const { tell } of this.#history) tell(this.backend)
  }
}

class History {
  readonly clock = new ManualClock(1_000)
  readonly world = new MemoryRowStore({ clock: this.clock, pageRowsMax: 3 })
  readonly store = this.world.client()
  readonly spec: Spec
  readonly log = new SimLog()
  readonly processes: readonly SimProcess[]
  readonly model: Model
  readonly #foldedImages: KeyedImage[] = []

  constructor(spec: Spec) {
    this.spec = spec
    this.processes = [new SimProcess(this.store, spec), new SimProcess(this.store, spec)]
    this.model = new Model(spec)
  }

  async run(by: SimProcess, step: Step): Promise<void> {
    const { clock, log, model } = this
    const nowMs = clock.now()
    switch (step.type) {
      case 'turn': {
        const { changes } = step
        await by.turn(
          log,
          nowMs,
          changes.map(({ key }) => key),
          (backend) => {
            for (const each of changes) perform(backend, each)
          },
        )
        model.tell(log.position, nowMs, (backend) => {
          for (const each of changes) perform(backend, each)
        })
        return
      }
      case 'fire':
        return this.#fire(by, step)
      case 'time':
        return clock.advance(step.ms)
      case 'expire':
        this.world.expire()
        return
      case 'fold':
        log.foldTo(log.foldedPosition + Math.round((log.position - log.foldedPosition) * step.part))
        this.#foldedImages.push(log.folded)
        return
      case 'materialize':
        await by.materialize(log, nowMs, step.rowsMax, step.commits)
        return
      case 'zombie': {
        const image = this.#foldedImages.at(step.index % Math.max(1, this.#foldedImages.length))
        if (image !== undefined)
          await materializeSome(this.store, NAMESPACE, { image, materializedThrough: 0 }, nowMs)
        return
      }
      case 'look':
        return this.checkLook(by, step.keys)
      case 'restart':
        return by.restart()
      case 'back': {
        const position = log.foldedPosition + Math.round((log.position - log.foldedPosition) * step.part)
        log.goBackTo(position)
        return model.goBackTo(position)
      }
    }
  }

  async #fire(by: SimProcess, { domain, upTo, limit }: Extract<Step, { type: 'fire' }>): Promise<void> {
    const { log, model } = this
    const nowMs = this.clock.now()
    const fired: string[] = []
    for (let done = false; !done;) {
      const some = await by.turn(log, nowMs, [], (backend) => fire(backend, domain, upTo), {
        domain,
        upToMs: upTo,
        limit,
      })
      fired.push(...some.fired)
      done = some.done
    }
    const expected = model.tell(log.position, nowMs, (backend) => fire(backend, domain, upTo))
    ok(expected.done)
    // Timers of one time come in the order of registration within one run only.
    deepStrictEqual(fired.map(timeOf), expected.fired.map(timeOf))
    deepStrictEqual(fired.toSorted(), expected.fired.toSorted())
  }

  async checkLook(by: SimProcess, keys: readonly string[]): Promise<void> {
    const nowMs = this.clock.now()
    const seen = await by.turn(this.log, nowMs, keys, (backend) => look(backend, keys))
    deepStrictEqual(
      seen,
      this.model.tell(this.log.position, nowMs, (backend) => look(backend, keys)),
    )
  }

  /** What a savepoint holds is the state, on the heap and in a new namespace. */
  async checkCopies(): Promise<void> {
    const { store, spec, log } = this
    const nowMs = this.clock.now()
    const subject = {
      namespace: NAMESPACE,
      operatorUid: UID,
      maxParallelism: MAX_PARALLELISM,
      states: describeStates(spec),
      keyGroups: KEY_GROUPS,
    }
    const segments: RestoredSegment[] = []
    let cursor: CopyCursor | undefined
    do {
      const copied = await copyRows(store, subject, log.current, cursor, nowMs, 500)
      if (copied.segment !== undefined)
        segments.push({ name: `${segments.length}`, bytes: copied.segment.bytes })
      cursor = copied.cursor
    } while (cursor !== undefined)
    const { backend } = this.model
    backend.setNow(nowMs)
    const expected = look(backend, KEYS)
    const timers = timersOf(backend)

    const heap = heapBackends.create(optionsOf(spec))
    heap.restore(segments, 'refuse')
    heap.setNow(nowMs)
    deepStrictEqual(look(heap, KEYS), expected)
    deepStrictEqual(timersOf(heap), timers)

    const target = { ...optionsOf(spec), namespace: 'other', position: 7 }
    let at: ImportCursor | undefined
    do {
      at = (await importRows(store, target, segments, 'refuse', at, nowMs, 2)).cursor
    } while (at !== undefined)
    const imported = new SimProcess(store, spec, 'other')
    const otherLog = new SimLog(restoredKeyedImage(7), 8)
    deepStrictEqual(await imported.turn(otherLog, nowMs, KEYS, (one) => look(one, KEYS)), expected)
    const found: string[] = []
    for (const domain of ['event', 'processing'] as const) {
      for (let done = false; !done;) {
        const some = await imported.turn(otherLog, nowMs, [], (one) => drain(one, domain), {
          domain,
          upToMs: 1e6,
          limit: 2,
        })
        found.push(...some.fired)
        done = some.done
      }
    }
    deepStrictEqual(found.toSorted(), timers)
  }
}

const timeOf = (fired: string): number => Number(fired.slice(0, 4))

function drain(backend: KeyedStateBackend, domain: TimerDomain): { fired: string[]; done: boolean } {
  const fired: string[] = []
  for (
    let dueMs = backend.popDueTimer(domain, 1e6);
    dueMs !== undefined;
    dueMs = backend.popDueTimer(domain, 1e6)
  )
    fired.push(`${domain} ${dueMs} ${backend.currentKey as string}`)
  return { fired, done: backend.nextTimer(domain) === undefined }
}

function timersOf(backend: KeyedStateBackend): string[] {
  return (['event', 'processing'] as const).flatMap((domain) => drain(backend, domain).fired).toSorted()
}

/** Plays a history and checks it at every look, and at its end. Resolves to the number of steps. */
export async function play(history: readonly ByWhom[], ttl: Ttl | undefined): Promise<number> {
  const run = new History(specOf(ttl))
  for (const { by, step } of history) await run.run(run.processes[by]!, step)
  for (const process of run.processes) await run.checkLook(process, KEYS)
  await run.checkCopies()
  return history.length
}
