import { setImmediate as immediate } from 'node:timers/promises'
import type { Sink, SinkContext, TwoPhaseCommitter } from '../../lib/stream/sink.ts'
import type { Chance } from './chance.ts'
import type { Faults } from './faults.ts'
import type { Item } from './program.ts'

interface Transaction {
  readonly id: string
}

interface Held {
  readonly sink: number
  status: 'open' | 'prepared' | 'committed' | 'aborted'
  readonly items: Item[]
}

/** The world outside, where sinks write: it outlives every process, and knows what of it was ever seen. */
export class Outside {
  /** What became visible of each sink, in order. */
  readonly seen = new Map<number, Item[]>()
  /** What no correct run may do to it. */
  readonly violations: string[] = []
  /** What no job that counts every record once may do: timers too early, twice or too late. */
  readonly untimely: string[] = []
  readonly #held = new Map<string, Held>()

  show(sink: number, items: readonly Item[]): void {
    const seen = this.seen.get(sink) ?? []
    this.seen.set(sink, seen)
    seen.push(...items)
  }

  begin(id: string, sink: number): void {
    if (this.#held.has(id)) this.violations.push(`transaction ${id} is begun twice`)
    this.#held.set(id, { sink, status: 'open', items: [] })
  }

  write(id: string, items: readonly Item[]): void {
    const held = this.#held.get(id)!
    if (held.status !== 'open') this.violations.push(`transaction ${id} is written to when ${held.status}`)
    held.items.push(...items)
  }

  prepare(id: string): void {
    const held = this.#held.get(id)!
    if (held.status !== 'open') this.violations.push(`transaction ${id} is pre-committed when ${held.status}`)
    held.status = 'prepared'
  }

  commit(id: string): void {
    const held = this.#held.get(id)
    if (held === undefined) return void this.violations.push(`transaction ${id} is committed, but unknown`)
    if (held.status === 'committed') return
    if (held.status !== 'prepared') this.violations.push(`transaction ${id} is committed when ${held.status}`)
    held.status = 'committed'
    this.show(held.sink, held.items)
  }

  abort(id: string): void {
    const held = this.#held.get(id)!
    if (held.status === 'committed') this.violations.push(`transaction ${id} is aborted, but committed`)
    held.status = 'aborted'
  }
}

/** One process's way to the outside; cut off when the process dies. */
export interface SinkSurroundings {
  readonly outside: Outside
  readonly chance: Chance
  readonly faults: Faults
  readonly isAlive: () => boolean
  /** How likely a call waits for another turn, and another: near 1, sinks hold everything up. */
  readonly slowness: number
}

export function transactionalSink(sink: number, around: SinkSurroundings): Sink<Item> {
  return { type: 'two-phase-commit', kind: 'outside', createCommitter: (ctx) => committer(sink, around, ctx) }
}

function committer(
  sink: number,
  around: SinkSurroundings,
  { runId, attempt, subtaskIndex }: SinkContext,
): TwoPhaseCommitter<Item, Transaction> {
  const { outside, faults } = around
  let begun = 0
  return {
    async open() {
      await pause(around)
      faults.at('sink.open')
    },
    async begin() {
      await pause(around)
      faults.at('sink.begin')
      // As sinks do: a run's attempts tell its transactions apart.
      const id = [sink, runId, attempt, subtaskIndex, begun++].join('/')
      outside.begin(id, sink)
      return { id }
    },
    async write({ id }, items) {
      await pause(around)
      faults.at('sink.write')
      outside.write(id, items)
    },
    async preCommit({ id }) {
      await pause(around)
      faults.at('sink.preCommit')
      outside.prepare(id)
      await pause(around)
      faults.at('sink.preCommitted')
      return { id }
    },
    async commit({ id }) {
      await pause(around)
      faults.at('sink.commit')
      outside.commit(id)
      await pause(around)
      faults.at('sink.committed')
    },
    async abort({ id }) {
      await pause(around)
      faults.at('sink.abort')
      outside.abort(id)
    },
    async close() {
      await pause(around)
      faults.at('sink.close')
    },
  }
}

/** What it is given is seen at once. */
export function writerSink(sink: number, around: SinkSurroundings): Sink<Item> {
  return {
    type: 'writer',
    kind: 'outside',
    createWriter: () => ({
      async write(items) {
        await pause(around)
        around.faults.at('sink.write')
        around.outside.show(sink, items)
      },
    }),
  }
}

async function pause({ chance, isAlive, slowness }: SinkSurroundings): Promise<void> {
  if (!isAlive()) throw new Error('the process of this sink is dead')
  while (chance.chance(slowness)) await immediate()
  if (!isAlive()) throw new Error('the process of this sink is dead')
}
