import type { ActorId } from '../model/ids.ts'

/** One entry of an actor's partition. `sort` orders entries by code units; bodies are immutable. */
export interface LogEntry {
  readonly sort: string
  /** At most {@link LOG_BODY_BYTES_MAX}: what is larger goes to a blob, and its name here. */
  readonly body: Uint8Array
}

export const LOG_BODY_BYTES_MAX = 300_000

export interface LogPage {
  /** Ascending by `sort`. */
  readonly entries: readonly LogEntry[]
  /** There are more after the last one: read on from there. */
  readonly more: boolean
  /** What the actor was last ordered, past its queue; with the last page at the latest. Undefined: nothing yet. */
  readonly order: Head | undefined
}

/** Where an actor's history is folded up to: what a cold start begins with. */
export interface Head {
  /** Later heads have greater versions; text, compared by code units. */
  readonly version: string
  readonly body: Uint8Array
}

/** The logs of a job's actors: for each a partition of entries, one head, and one order. */
export interface TurnLog {
  /**
   * The entries of `actor` that sort after `after` (from the first if undefined), strongly consistent: all that was
   * appended before the call began. One read, of about 1 MB at most.
   */
  read(actor: ActorId, after: string | undefined): Promise<LogPage>
  /**
   * Writes the entry, unless one is there under its `sort`: whoever comes second learns that he lost, and changed
   * nothing. When the answer is lost the entry may have been written; appending the same again tells `exists`.
   * `expiresAtSec` (epoch seconds): the entry may vanish at any time after it.
   */
  append(actor: ActorId, entry: LogEntry, expiresAtSec: number): Promise<'appended' | 'exists'>
  /** Strongly consistent. */
  head(actor: ActorId): Promise<Head | undefined>
  /**
   * Replaces the head by a later one. A stale writer, whose version is not greater than the one there, changes nothing.
   * Resolves to the head that was replaced.
   */
  putHead(
    actor: ActorId,
    head: Head,
  ): Promise<{ readonly type: 'stored'; readonly replaced: Head | undefined } | { readonly type: 'stale' }>
  /**
   * Gives the actor an order that overtakes its queue: whatever it does next begins with a read that tells of it. A later one
   * replaces it; a stale writer, whose version is not greater than the one there, changes nothing.
   */
  putOrder(actor: ActorId, order: Head): Promise<'stored' | 'stale'>
}
