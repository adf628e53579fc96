import { setImmediate as immediate } from 'node:timers/promises'
import { operatorListState, sourceFunction, type ReadStatus, type Source } from '../../lib/index.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { SourceOutput, SourceReader, SplitSource } from '../../lib/stream/source.ts'
import type { Chance } from './chance.ts'
import type { Faults } from './faults.ts'
import { riseOf, type Item } from './program.ts'

/** A split, and how much of it has been read. */
interface Position {
  readonly split: number
  readonly read: number
}

/** What a source of a random job meets: it reads in small pieces, waits now and then, and fails when told to. */
interface SourceSurroundings {
  readonly chance: Chance
  readonly faults: Faults
  readonly clock: Clock
}

type Splits = readonly (readonly Item[])[]

export function simulatedSource(splits: Splits, around: SourceSurroundings): Source<Item> {
  const source: SplitSource<Item, Position> = {
    type: 'splits',
    kind: 'simulated',
    bounded: true,
    enumerateSplits: () => splits.map((_, split) => ({ split, read: 0 })),
    createReader: (ctx) => new Reader(splits, around, () => ctx.wakeUp()),
  }
  return source
}

export function simulatedFunction(splits: Splits, around: SourceSurroundings): Source<Item> {
  let reader = new Reader(splits, around, undefined)
  return sourceFunction({
    bounded: true,
    operatorState: { positions: operatorListState<Position>() },
    initializeState({ operatorState, isRestored }) {
      reader = new Reader(splits, around, undefined)
      const fresh = splits.map((_, split) => ({ split, read: 0 }))
      reader.open(isRestored ? operatorState.positions.get() : fresh)
    },
    poll: (ctx) => reader.read({ collect: (item: Item) => ctx.collect(item) }, 512),
    snapshotState: ({ operatorState }) => operatorState.positions.update(reader.snapshot()),
  })
}

/** Reads whichever of its splits is behind, so that time rises alike in all. */
class Reader implements SourceReader<Item, Position> {
  readonly #splits: Splits
  readonly #around: SourceSurroundings
  readonly #wakeUp: (() => void) | undefined
  #positions: Position[] = []

  constructor(splits: Splits, around: SourceSurroundings, wakeUp: (() => void) | undefined) {
    this.#splits = splits
    this.#around = around
    this.#wakeUp = wakeUp
  }

  open(positions: readonly Position[]): void {
    this.#around.faults.at('source.open')
    this.#positions = [...positions]
  }

  read(out: Pick<SourceOutput<Item>, 'collect'>, recordsMax: number): ReadStatus | Promise<ReadStatus> {
    const { chance, faults, clock } = this.#around
    faults.at('source.read')
    for (let left = Math.min(recordsMax, chance.magnitude(1, 8)); left > 0; left--) {
      const next = this.#next()
      if (next === undefined) return 'end'
      out.collect(next)
    }
    const fate = chance.next()
    if (fate < 0.6) return 'more'
    if (fate < 0.7) return Promise.resolve('more')
    if (fate < 0.75 && this.#wakeUp !== undefined) return this.#overtaken(this.#wakeUp)
    const waitUntilMs = clock.now() + chance.int(1, 30)
    if (fate < 0.85 || this.#wakeUp === undefined) return { waitUntilMs }
    const wakeUp = this.#wakeUp
    clock.schedule(waitUntilMs, () => wakeUp())
    return 'wait'
  }

  snapshot(): readonly Position[] {
    this.#around.faults.at('source.snapshot')
    return this.#positions.filter(({ split, read }) => read < this.#splits[split]!.length)
  }

  /** It finds nothing, and something comes before it has said so. */
  async #overtaken(wakeUp: () => void): Promise<ReadStatus> {
    await immediate()
    wakeUp()
    await immediate()
    return 'wait'
  }

  #next(): Item | undefined {
    const pending = this.#positions
      .map((position, index) => ({ index, item: this.#splits[position.split]![position.read] }))
      .filter((one): one is { index: number; item: Item } => one.item !== undefined)
    const first = pending.toSorted((a, b) => riseOf(a.item) - riseOf(b.item))[0]
    if (first === undefined) return undefined
    const { split, read } = this.#positions[first.index]!
    this.#positions[first.index] = { split, read: read + 1 }
    return first.item
  }
}
