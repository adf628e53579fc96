import type { RowCodec } from '../../state/rows/row-codec.ts'
import type { RowTable } from '../../state/rows/row-table.ts'
import { noteOf } from './row-note.ts'

/** A look at a row costs about as much as this many uses of one. */
const USES_PER_SAMPLE = 64
const SAMPLES_MAX = 16
const BUCKET_BYTES = 8_000
/** Picks rows here and there in the list. */
const STRIDE = 7_919

/** How much the changed rows have grown since they were last written, judged by some of them. */
export class GrowthEstimate {
  /** Buckets created. */
  buckets = 0
  readonly #table: RowTable
  readonly #codec: RowCodec
  #samples = 0
  #sampledBytes = 0
  #sampledAtUses = 0
  #next = 0

  constructor(table: RowTable, codec: RowCodec) {
    this.#table = table
    this.#codec = codec
  }

  get bytes(): number {
    const perRow = this.#samples === 0 ? 0 : this.#sampledBytes / this.#samples
    return perRow * this.#table.changed.length + this.buckets * BUCKET_BYTES
  }

  /** Looks at some rows if enough happened since the last time: `uses` counts up. */
  sample(uses: number): void {
    const due = Math.floor((uses - this.#sampledAtUses) / USES_PER_SAMPLE)
    if (due === 0) return
    this.#sampledAtUses = uses
    const { changed } = this.#table
    for (let i = Math.min(due, SAMPLES_MAX, changed.length); i > 0; i--) {
      this.#next = (this.#next + STRIDE) % changed.length
      const row = changed.at(this.#next)
      if (row === undefined || row.isEmpty) continue
      this.#sampledBytes += noteOf(row).growth(this.#codec.encodeMain(row).payload.length)
      this.#samples++
    }
  }

  /** All changed rows were written. */
  reset(): void {
    this.buckets = 0
    this.#samples = 0
    this.#sampledBytes = 0
  }
}
