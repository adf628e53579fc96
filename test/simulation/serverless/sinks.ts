import type { Sink, TwoPhaseCommitter } from '../../../lib/stream/sink.ts'
import type { Item } from '../program.ts'
import { Outside } from '../simulated-sinks.ts'
import { MemoryOutside } from '../../world/memory-outside.ts'

interface Transaction {
  readonly id: string
}

/** Where sinks write, seen from one process. */
export interface SinkSurroundings {
  readonly outside: SharedOutside
  /** A call of the user's code: it may throw. */
  readonly called: () => void
  /** Asks a system outside; never returns where the process has died. */
  readonly request: (what: () => string) => Promise<void>
}

/** The world outside of the job, which outlives every process. */
export class SharedOutside extends Outside {
  /** What there is of tables. */
  readonly tables = new MemoryOutside()
  #names = 0
  readonly #batches = new Map<string, string>()

  /** A name that nobody was ever given, in whatever process. */
  freshName(): string {
    return String(this.#names++)
  }

  /** A batch that was committed before it was written: whenever it is written again, it is the same. */
  showBatch(sink: number, batchId: string, items: readonly Item[]): void {
    const text = JSON.stringify(items)
    const before = this.#batches.get(batchId)
    if (before === undefined) this.show(sink, items)
    else if (before !== text) this.violations.push(`batch ${batchId} was ${before}, and is now ${text}`)
    this.#batches.set(batchId, text)
  }
}

export function transactionalSink(sink: number, { outside, called, request }: SinkSurroundings): Sink<Item> {
  return {
    type: 'two-phase-commit',
    kind: 'outside',
    createCommitter: ({ attempt, subtaskIndex }): TwoPhaseCommitter<Item, Transaction> => ({
      async begin() {
        const id = `${sink}/${attempt}/${subtaskIndex}/${outside.freshName()}`
        await request(() => `sink.begin ${id}`)
        called()
        outside.begin(id, sink)
        return { id }
      },
      async write({ id }, items) {
        await request(() => `sink.write ${id}: ${named(items)}`)
        called()
        outside.write(id, items)
      },
      async preCommit({ id }) {
        await request(() => `sink.preCommit ${id}`)
        called()
        outside.prepare(id)
        return { id }
      },
      async commit({ id }) {
        await request(() => `sink.commit ${id}`)
        called()
        outside.commit(id)
      },
      async abort({ id }) {
        await request(() => `sink.abort ${id}`)
        outside.abort(id)
      },
    }),
  }
}

/** What it is given is seen at once: at least once, and once where writing the same again changes nothing. */
export function writerSink(sink: number, { outside, called, request }: SinkSurroundings): Sink<Item> {
  return {
    type: 'writer',
    kind: 'outside',
    createWriter: () => ({
      async write(items) {
        await request(() => `sink.write ${sink}: ${named(items)}`)
        called()
        outside.show(sink, items)
      },
    }),
  }
}

/** As {@link writerSink}, of batches that are committed before. */
export function committedSink(sink: number, { outside, called, request }: SinkSurroundings): Sink<Item> {
  return {
    type: 'writer',
    kind: 'outside',
    writes: 'committed',
    // Small, so that what a turn brings is several.
    batchRecordsMax: 2,
    createWriter: (ctx) => ({
      async write(items) {
        const id = ctx.batchId()
        await request(() => `sink.write ${sink} ${id}: ${named(items)}`)
        called()
        outside.showBatch(sink, id, items)
      },
    }),
  }
}

/** For the trace. */
function named(items: readonly Item[]): string {
  return items.map(({ key, n, v }) => `${key}-${n}=${v}`).join(' ')
}
