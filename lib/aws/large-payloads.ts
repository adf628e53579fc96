import { sha256 } from '../node/sha256.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { RowPartition, RowWrite } from '../ports/row-store.ts'
import { inParallel } from './in-parallel.ts'

/** Objects under way at once. */
const OBJECTS_MAX = 20

const POSITION_DIGITS = 16

/**
 * Payloads of rows that are too large for an item, as objects under
 * `rows/<partition>/<digest of the row key>/<position>-<digest of the payload>`. Whoever writes the row at a position
 * writes the same payload with the same expiry, so an object never changes; and one whose position is less than its row's is
 * nobody's any more.
 *
 * The table removes a row that has expired and tells nobody, so its object goes by itself: some time after the row expired,
 * whether it is still there, or comes late.
 */
export class LargePayloads {
  readonly #blobs: BlobStore

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** Resolves to the name, once the bytes are durable. */
  async put(
    { partition, rowKey, position, expiresAtMs }: RowWrite,
    payload: Uint8Array,
    nowMs: number,
  ): Promise<string> {
    const name = `${folderOf(partition, rowKey)}${positionText(position)}-${sha256(payload)}`
    await this.#blobs.putIfAbsent(name, payload, expiresAtMs - nowMs)
    return name
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return this.#blobs.get(name)
  }

  /** Removes what earlier versions of a row left: the one before, and what writers that crashed or lost never named. */
  async removeOlder(partition: RowPartition, rowKey: string, position: number): Promise<void> {
    const folder = folderOf(partition, rowKey)
    const names = await this.#blobs.list(folder)
    await this.#remove(names.filter((name) => name.slice(folder.length) < positionText(position)))
  }

  async drop(partition: RowPartition): Promise<void> {
    await this.#remove(await this.#blobs.list(partitionFolder(partition)))
  }

  async #remove(names: readonly string[]): Promise<void> {
    await inParallel(names, OBJECTS_MAX, (name) => this.#blobs.delete(name))
  }
}

const positionText = (position: number): string => String(position).padStart(POSITION_DIGITS, '0')

const folderOf = (partition: RowPartition, rowKey: string): string =>
  `${partitionFolder(partition)}${sha256(rowKey).slice(0, 32)}/`

/** A digest: uids may have any characters, and any length up to 200. */
const partitionFolder = ({ namespace, operatorUid, keyGroup }: RowPartition): string =>
  `rows/${sha256(JSON.stringify([namespace, operatorUid, keyGroup])).slice(0, 32)}/`
