import type { FileHandle } from 'node:fs/promises'
import { fileError } from './file-errors.ts'

/** Room before each chunk, where the end of the chunk before it usually fits. */
const HEADROOM_BYTES = 16_384

interface Slot {
  readonly buffer: Buffer
  /** How many bytes were read into it; undefined while they are being read. */
  filled: number | undefined
}

/** Reads a file from an offset, one chunk ahead of its user. Two buffers take turns. */
export class ChunkReader {
  private readonly kind: string
  private readonly path: string
  private readonly file: FileHandle
  private offset: number
  private readonly slots: readonly [Slot, Slot]
  private reading: 0 | 1 = 0
  private failure: unknown
  private arrival: Promise<void>

  constructor(kind: string, path: string, file: FileHandle, offset: number, chunkBytes: number) {
    this.kind = kind
    this.path = path
    this.file = file
    this.offset = offset
    this.slots = [slot(chunkBytes), slot(chunkBytes)]
    this.arrival = this.fetch()
  }

  /** Resolves when `take` has something to give. */
  arrived(): Promise<void> {
    return this.arrival
  }

  /**
   * `carry` followed by the next bytes of the file; nothing but `carry` at its end; undefined if they are not here
   * yet. What the call before it returned is overwritten from now on; `carry` may be a part of that.
   */
  take(carry: Buffer): { readonly bytes: Buffer; readonly atEnd: boolean } | undefined {
    if (this.failure !== undefined) throw fileError(this.kind, 'read', this.path, this.failure)
    const { buffer, filled } = this.slots[this.reading]
    if (filled === undefined) return undefined
    const bytes = behind(carry, buffer, filled)
    this.offset += filled
    this.reading = this.reading === 0 ? 1 : 0
    this.arrival = filled === 0 ? Promise.resolve() : this.fetch()
    return { bytes, atEnd: filled === 0 }
  }

  /** Looks again whether a file that had ended has grown. */
  again(): void {
    this.arrival = this.fetch()
  }

  close(): Promise<void> {
    return this.arrival.then(() => this.file.close())
  }

  private async fetch(): Promise<void> {
    const target = this.slots[this.reading]
    target.filled = undefined
    try {
      const { buffer } = target
      const length = buffer.length - HEADROOM_BYTES
      target.filled = (await this.file.read(buffer, HEADROOM_BYTES, length, this.offset)).bytesRead
    } catch (cause) {
      this.failure = cause
    }
  }
}

function slot(chunkBytes: number): Slot {
  return { buffer: Buffer.allocUnsafeSlow(HEADROOM_BYTES + chunkBytes), filled: undefined }
}

function behind(carry: Buffer, buffer: Buffer, filled: number): Buffer {
  const end = HEADROOM_BYTES + filled
  const start = HEADROOM_BYTES - carry.length
  if (start < 0) return Buffer.concat([carry, buffer.subarray(HEADROOM_BYTES, end)])
  carry.copy(buffer, start)
  return buffer.subarray(start, end)
}
