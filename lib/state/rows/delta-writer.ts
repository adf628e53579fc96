import { assert } from '../../model/faults.ts'
import { keyText } from '../../model/key-codec.ts'
import { inRange, type KeyGroupRange } from '../../model/key-groups.ts'
import type { KeyedBackendOptions, KeyedDelta } from '../keyed-backend.ts'
import { SegmentWriter } from '../segment/encode-segment.ts'
import { MAIN, type RowCodec, type RowSink } from './row-codec.ts'
import type { Row } from './row.ts'

/** Encodes rows that are in memory as one segment. */
export class DeltaWriter implements RowSink {
  readonly #owned: KeyGroupRange
  readonly #codec: RowCodec
  readonly #segment: SegmentWriter

  constructor(options: KeyedBackendOptions, codec: RowCodec) {
    this.#owned = options.keyGroups
    this.#codec = codec
    this.#segment = new SegmentWriter({
      operatorUid: options.operatorUid,
      maxParallelism: options.maxParallelism,
      states: codec.kinds.map((kind) => kind.description),
    })
  }

  write(rows: readonly Row[], full: boolean): KeyedDelta | undefined {
    for (const [keyGroup, ofGroup] of this.#byKeyGroup(rows)) {
      assert(
        inRange(this.#owned, keyGroup),
        `key group ${keyGroup} is not of this task: its keys went astray`,
      )
      for (const row of ofGroup) this.#codec.write(row, this, full)
    }
    const { rows: written } = this.#segment
    if (written === 0) return undefined
    return { segment: this.#segment.finish(), rows: written, full, keyGroups: this.#segment.keyGroups }
  }

  put(row: Row, slot: number, bucket: number, payload: Uint8Array | undefined, expiresAtMs: number): void {
    const state = slot === MAIN ? undefined : this.#codec.kinds[slot]!.description.name
    this.#segment.add(row.keyGroup, keyText(row.key), state, bucket, payload, expiresAtMs)
  }

  #byKeyGroup(rows: readonly Row[]): [number, Row[]][] {
    const groups = new Map<number, Row[]>()
    for (const row of rows) {
      const keyGroup = this.#codec.keyGroup(row)
      const group = groups.get(keyGroup)
      if (group === undefined) groups.set(keyGroup, [row])
      else group.push(row)
    }
    return [...groups].toSorted(([a], [b]) => a - b)
  }
}
