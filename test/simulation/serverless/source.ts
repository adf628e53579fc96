import type { ReadStatus, Source } from '../../../lib/index.ts'
import type { SourceOutput, SourceReader, SplitSource } from '../../../lib/stream/source.ts'
import type { Chance } from '../chance.ts'
import { riseOf, type Item } from '../program.ts'
import type { SourcePace } from './case.ts'

/** A split, and how much of it has been read. */
interface Position {
  readonly split: number
  readonly read: number
}

export interface SourceSurroundings {
  readonly chance: Chance
  /** A call of the user's code: it may throw. */
  readonly called: () => void
  readonly pace: SourcePace
}

/** A source that can be read again from any position: it reads in small pieces, and has nothing now and then. */
export function replayableSource(
  splits: readonly (readonly Item[])[],
  around: SourceSurroundings,
): Source<Item> {
  const source: SplitSource<Item, Position> = {
    type: 'splits',
    kind: 'simulated',
    bounded: true,
    enumerateSplits: () => splits.map((_, split) => ({ split, read: 0 })),
    createReader: (ctx) => new Reader(splits, around, () => ctx.now()),
  }
  return source
}

/** Reads whichever of its splits is behind, so that time rises alike in all. */
class Reader implements SourceReader<Item, Position> {
  readonly #splits: readonly (readonly Item[])[]
  readonly #around: SourceSurroundings
  readonly #now: () => number
  #positions: Position[] = []

  constructor(splits: readonly (readonly Item[])[], around: SourceSurroundings, now: () => number) {
    this.#splits = splits
    this.#around = around
    this.#now = now
  }

  open(positions: readonly Position[]): void {
    this.#positions = [...positions]
  }

  read(out: Pick<SourceOutput<Item>, 'collect'>, recordsMax: number): ReadStatus {
    const { chance, called, pace } = this.#around
    called()
    for (let left = Math.min(recordsMax, chance.magnitude(1, pace.readMax)); left > 0; left--) {
      const next = this.#next()
      if (next === undefined) return 'end'
      out.collect(next)
    }
    return chance.chance(pace.waits)
      ? { waitUntilMs: this.#now() + chance.magnitude(1, pace.waitMaxMs) }
      : 'more'
  }

  snapshot(): readonly Position[] {
    return this.#positions.filter(({ split, read }) => read < this.#splits[split]!.length)
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
