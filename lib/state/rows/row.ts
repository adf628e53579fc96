import type { Key } from '../../model/keys.ts'
import type { MapKeyOf } from '../../model/key-codec.ts'
import { BucketLedger } from './bucket-ledger.ts'
import type { RowTimers } from '../timers/row-timers.ts'

/** The row changed since it was last written out; it is in the table's list of such rows. */
export const DIRTY = 1
/** A version of the row was written out: when it becomes empty, a tombstone is due. */
export const STORED = 2
/** The row may be empty; it is in the table's list of such rows. */
export const SUSPECT = 4
/** The row was dropped from the table; who still refers to it must let go. */
export const FORGOTTEN = 8
/** The row was used since a backend that evicts rows last looked. */
export const USED = 16

/** A timer of one row. */
export interface TimerEntry {
  readonly timeMs: number
  /** Order of registration; 0 for restored timers. */
  readonly sequence: number
  readonly row: Row
  /** False once it was deleted or fired: it waits to be dropped from its queue. */
  alive: boolean
}

/** The state of one key. One field for all flags, since there are millions of rows. */
export class Row {
  readonly key: Key
  readonly id: MapKeyOf
  /** By index of the state in the spec; undefined where nothing is set. What it is otherwise, the kind says. */
  readonly slots: unknown[]
  flags = 0
  /** Computed when first written out: rows that come and go between two snapshots never need it. */
  keyGroup = -1
  eventTimers: RowTimers<TimerEntry> | undefined = undefined
  processingTimers: RowTimers<TimerEntry> | undefined = undefined
  /** By index of the state: buckets of it that were written out or must be. */
  ledgers: (BucketLedger | undefined)[] | undefined = undefined
  /** What a backend with storage of its own notes about the row. */
  note: object | undefined = undefined

  constructor(key: Key, id: MapKeyOf, slotCount: number) {
    this.key = key
    this.id = id
    this.slots = emptySlots(slotCount)
  }

  get isEmpty(): boolean {
    if (this.eventTimers !== undefined || this.processingTimers !== undefined) return false
    for (const slot of this.slots) if (slot !== undefined) return false
    return true
  }

  ledger(slot: number): BucketLedger {
    this.ledgers ??= []
    return (this.ledgers[slot] ??= new BucketLedger())
  }
}

/** By number of slots. */
const templates: (readonly unknown[])[] = []

/** A copy takes as much memory as its items need, where an array that was pushed to has room for 16 more. */
function emptySlots(count: number): unknown[] {
  const template = (templates[count] ??= Array.from({ length: count }, () => undefined))
  return template.slice()
}
