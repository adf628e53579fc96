import { table } from '../../../lib/index.ts'
import type { ItemStamp, Outside, OutsideTable, TableItem } from '../../../lib/ports/outside.ts'
import { PlatformFault } from '../../../lib/ports/platform-fault.ts'
import type { Sink } from '../../../lib/stream/sink.ts'
import { perform, type Faults } from '../../world/faults.ts'
import type { MemoryOutside } from '../../world/memory-outside.ts'
import type { Chance } from '../chance.ts'
import { traitsOf, type Item, type Program } from '../program.ts'
import type { SimulatedProcess } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import type { SinkSurroundings } from './sinks.ts'

// Sinks that keep the last record of each key, in a table beyond the job.

const nameOf = (sink: number): string => `upserts-${sink}`

/** Millrace's own: what is tried out is its stamps. */
export function upsertSink(sink: number, { called }: Pick<SinkSurroundings, 'called'>): Sink<Item> {
  return table<Item>({
    table: nameOf(sink),
    key: ({ key }) => {
      called()
      return { id: key }
    },
    item: ({ n, v, ts }) => ({ n, v, ts }),
  })
}

/** A table, as one process sees it. What it is sent comes late, twice or not at all, as with rows of the job's own table. */
export class DistantTable implements OutsideTable {
  readonly #name: string
  readonly #world: MemoryOutside
  readonly #faults: Faults

  constructor(name: string, world: MemoryOutside, faults: Faults) {
    this.#name = name
    this.#world = world
    this.#faults = faults
  }

  async put(item: TableItem, stamp: ItemStamp): ReturnType<OutsideTable['put']> {
    const subject = `${this.#name} ${item['id'] as string} ${stamp.version}`
    try {
      return await perform(this.#faults, { port: 'row-store', name: 'write-row', subject }, () =>
        this.#world.table(this.#name).put(item, stamp),
      )
    } catch (cause) {
      if (cause instanceof PlatformFault) return { type: 'unavailable', reason: cause.message }
      throw cause
    }
  }
}

/** What one process has of the world beyond the job. */
export function outsideOf(
  world: MemoryOutside,
  process: SimulatedProcess,
  scheduler: Scheduler,
  random: Chance,
): Outside {
  return {
    objects: (bucket) => world.objects(bucket),
    queue: (queue) => world.queue(queue),
    table: (name) => new DistantTable(name, world, process),
    http: world.http,
    pause: (ms) =>
      new Promise((resolve) =>
        scheduler.after(ms, () => {
          if (process.isAlive) resolve()
        }),
      ),
    random,
  }
}

/** At the end a table has of each key the last record, and nothing else (invariant 7, exactly-once). */
export function upsertProblems(
  { nodes }: Program,
  expected: ReadonlyMap<number, readonly Item[]>,
  { items }: Pick<MemoryOutside, 'items'>,
  stateIsExact: boolean,
): string[] {
  const traits = traitsOf(nodes)
  return [...expected].flatMap(([sink, records]) => {
    const node = nodes[sink]!
    if (node.type !== 'sink' || node.form !== 'upsert') return []
    if (!stateIsExact && !traits[sink]!.stateless) return []
    const last = new Map(records.map((record) => [record.key, textOf(record)]))
    const prefix = `${nameOf(sink)} `
    const found = new Map(
      [...items]
        .filter(([name]) => name.startsWith(prefix))
        .map(([, { item }]) => [item['id'] as string, textOf(item as unknown as Item)]),
    )
    return [...new Set([...last.keys(), ...found.keys()])].flatMap((key) =>
      last.get(key) === found.get(key)
        ? []
        : [`sink ${sink}: key ${key} is ${found.get(key)}, and its last record is ${last.get(key)}`],
    )
  })
}

function textOf({ n, v, ts }: Omit<Item, 'key'>): string {
  return `${n}:${v}@${ts}`
}
