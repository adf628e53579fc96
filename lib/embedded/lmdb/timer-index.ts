import type { Database } from 'lmdb'
import { keyBytes, timerKey } from './store-keys.ts'

export interface IndexedTimer {
  readonly timeMs: number
  readonly sequence: number
  readonly keyText: string
}

/** Timers read ahead in one go. */
const READ_AHEAD = 256

/**
 * The timers of rows on disk, in the order they fire. For a row in memory it may still hold timers that the row
 * has taken over, until someone comes across them.
 *
 * Changes go through a transaction of the caller's.
 */
export class TimerIndex {
  readonly #database: Database<Uint8Array, Buffer>
  /** The first timers of the database, as far as they are known. */
  #ahead: IndexedTimer[] = []
  #next = 0
  /** Nothing is left beyond `#ahead`. */
  #complete = false
  /** Taken out of `#ahead`, but not yet of the database. */
  #taken: Buffer[] = []

  constructor(database: Database<Uint8Array, Buffer>) {
    this.#database = database
  }

  /** The earliest timer. */
  peek(): IndexedTimer | undefined {
    if (this.#next >= this.#ahead.length && !this.#complete) this.#readAhead()
    return this.#ahead[this.#next]
  }

  /** Takes out what `peek` returned. */
  shift(): void {
    const { timeMs, sequence, keyText } = this.#ahead[this.#next++]!
    this.#taken.push(timerKey(timeMs, sequence, keyBytes(keyText)))
  }

  add({ timeMs, sequence, keyText }: IndexedTimer): void {
    this.#settle()
    this.#database.putSync(timerKey(timeMs, sequence, keyBytes(keyText)), encode(timeMs, sequence, keyText))
  }

  remove(timeMs: number, sequence: number, keyText: string): void {
    this.#settle()
    this.#database.removeSync(timerKey(timeMs, sequence, keyBytes(keyText)))
  }

  /** Before the database is changed: brings it up to date, and forgets what was read ahead. */
  #settle(): void {
    for (const key of this.#taken) this.#database.removeSync(key)
    this.#taken = []
    this.#ahead = []
    this.#next = 0
    this.#complete = false
  }

  #readAhead(): void {
    if (this.#taken.length > 0) this.#database.transactionSync(() => this.#settle())
    this.#ahead = []
    this.#next = 0
    for (const { value } of this.#database.getRange({ limit: READ_AHEAD })) this.#ahead.push(decode(value))
    this.#complete = this.#ahead.length < READ_AHEAD
  }
}

function encode(timeMs: number, sequence: number, keyText: string): Buffer {
  const text = Buffer.from(keyText)
  const out = Buffer.allocUnsafe(16 + text.length)
  out.writeDoubleLE(timeMs, 0)
  out.writeDoubleLE(sequence, 8)
  text.copy(out, 16)
  return out
}

function decode(bytes: Uint8Array): IndexedTimer {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    timeMs: value.readDoubleLE(0),
    sequence: value.readDoubleLE(8),
    keyText: value.toString('utf8', 16),
  }
}
