import { keyText } from '../../model/key-codec.ts'
import { MAIN, type RowCodec, type RowSink } from '../../state/rows/row-codec.ts'
import type { Row } from '../../state/rows/row.ts'
import type { SegmentRow } from '../../state/segment/format.ts'
import { noteOf } from './row-note.ts'
import { isHashedKey, keyBytes, readRowKey, rowKey, type RowAddress } from './store-keys.ts'
import { createdEpochOf, decodeRecord, encodeRecord, expiryOf, type StoredRecord } from './stored-record.ts'
import type { WorkingFiles } from './working-files.ts'

/** Marks a changed row whose key text its row key tells. */
const NO_TEXT = Buffer.from([0])

/**
 * The rows of one backend on disk, and which of them changed since the last snapshot. Writes go through a
 * transaction of the caller's.
 */
export class RowStore implements RowSink {
  /** Number of main rows. */
  keys = 0
  readonly #files: WorkingFiles
  readonly #codec: RowCodec
  /** Number of snapshots that any row may be mentioned in. */
  #epoch = 0
  #sweepFrom: Buffer | undefined

  constructor(files: WorkingFiles, codec: RowCodec) {
    this.#files = files
    this.#codec = codec
  }

  read(row: Row): StoredRecord | undefined {
    return this.#read(row, MAIN, 0)
  }

  readBucket(row: Row, slot: number, bucket: number): Uint8Array | undefined {
    return this.#read(row, slot, bucket)?.payload
  }

  put(row: Row, slot: number, bucket: number, payload: Uint8Array | undefined, expiresAtMs: number): void {
    const key = this.#keyOf(row, slot, bucket)
    if (payload === undefined) {
      this.#remove(key, keyText(row.key))
      return
    }
    const timers = slot === MAIN ? [row.eventTimers, row.processingTimers] : []
    const timerSequences = timers.flatMap((each) => each?.entries().map((entry) => entry.sequence) ?? [])
    this.#write(key, keyText(row.key), { expiresAtMs, timerSequences, payload })
    noteOf(row).wrote(slot, bucket, payload.length)
  }

  /** Puts a row in place as a segment has it: unchanged. */
  putRestored(keyGroup: number, row: SegmentRow, slot: number, timers: number): void {
    const key = rowKey(keyGroup, keyBytes(row.keyText), slot, row.bucket)
    if (slot === MAIN) this.keys++
    this.#files.rows.putSync(
      key,
      encodeRecord({
        createdEpoch: 0,
        expiresAtMs: row.expiresAtMs,
        keyText: textUnlessIn(key, row.keyText),
        timerSequences: Array.from({ length: timers }, () => 0),
        payload: row.payload!,
      }),
    )
  }

  /** The rows changed since the last snapshot, removed ones as tombstones, by key group. */
  *changedRows(): Generator<readonly [keyGroup: number, row: SegmentRow]> {
    for (const { key, value } of this.#files.changed.getRange({})) {
      const address = readRowKey(key)
      const text = address.keyText ?? Buffer.from(value).toString()
      yield [address.keyGroup, this.#segmentRow(address, text, this.#files.rows.getBinary(key))]
    }
  }

  /** All rows, by key group. */
  *allRows(): Generator<readonly [keyGroup: number, row: SegmentRow]> {
    for (const { key, value } of this.#files.rows.getRange({})) {
      const address = readRowKey(key)
      yield [
        address.keyGroup,
        this.#segmentRow(address, address.keyText ?? decodeRecord(value).keyText!, value),
      ]
    }
  }

  /** After a snapshot was taken, or restored. */
  beginEpoch(): void {
    this.#files.changed.clearSync()
    this.#epoch++
  }

  /** Looks at the next `limit` rows and removes those that expired; rows in memory look after themselves. */
  sweepExpired(limit: number, nowMs: number, isInMemory: (keyText: string) => boolean): void {
    const expired: [Buffer, string][] = []
    let last: Buffer | undefined
    let seen = 0
    const from = this.#sweepFrom
    for (const { key, value } of this.#files.rows.getRange(
      from === undefined ? { limit } : { start: from, limit },
    )) {
      last = key
      seen++
      if (expiryOf(value) > nowMs) continue
      const text = readRowKey(key).keyText ?? decodeRecord(value).keyText!
      if (!isInMemory(text)) expired.push([key, text])
    }
    this.#sweepFrom = seen < limit ? undefined : last
    if (expired.length > 0) {
      this.#files.transaction(() => {
        for (const [key, text] of expired) this.#remove(key, text)
      })
    }
  }

  #segmentRow(address: RowAddress, text: string, bytes: Uint8Array | undefined): SegmentRow {
    const state = address.slot === MAIN ? undefined : this.#codec.kinds[address.slot]!.description.name
    const base = { keyText: text, state, bucket: address.bucket }
    if (bytes === undefined) return { ...base, payload: undefined, expiresAtMs: Number.POSITIVE_INFINITY }
    const { payload, expiresAtMs } = decodeRecord(bytes)
    return { ...base, payload, expiresAtMs }
  }

  #keyOf(row: Row, slot: number, bucket: number): Buffer {
    return rowKey(this.#codec.keyGroup(row), keyBytes(keyText(row.key)), slot, bucket)
  }

  #read(row: Row, slot: number, bucket: number): StoredRecord | undefined {
    const bytes = this.#files.rows.getBinary(this.#keyOf(row, slot, bucket))
    return bytes === undefined ? undefined : decodeRecord(bytes)
  }

  #write(
    key: Buffer,
    text: string,
    content: Pick<StoredRecord, 'expiresAtMs' | 'timerSequences' | 'payload'>,
  ): void {
    const { rows, changed } = this.#files
    const existing = rows.getBinaryFast(key)
    if (existing === undefined && isMainKey(key)) this.keys++
    // A row that was removed since the last snapshot and comes back has been in one.
    const isKnown = existing === undefined && this.#epoch > 0 && changed.doesExist(key)
    const createdEpoch = existing === undefined ? (isKnown ? 0 : this.#epoch) : createdEpochOf(existing)
    const keyTextOrNone = textUnlessIn(key, text)
    rows.putSync(key, encodeRecord({ ...content, createdEpoch, keyText: keyTextOrNone }))
    changed.putSync(key, keyTextOrNone === undefined ? NO_TEXT : Buffer.from(keyTextOrNone))
  }

  #remove(key: Buffer, text: string): void {
    const { rows, changed } = this.#files
    const existing = rows.getBinaryFast(key)
    if (existing === undefined) return
    const wasInSnapshot = createdEpochOf(existing) < this.#epoch
    if (isMainKey(key)) this.keys--
    rows.removeSync(key)
    if (wasInSnapshot) changed.putSync(key, Buffer.from(textUnlessIn(key, text) ?? NO_TEXT))
    else changed.removeSync(key)
  }
}

function textUnlessIn(key: Buffer, text: string): string | undefined {
  return isHashedKey(key) ? text : undefined
}

function isMainKey(key: Buffer): boolean {
  return key.at(-1) === 0 && key.indexOf(0, 2) === key.length - 1
}
