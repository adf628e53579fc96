import type { BlobStore } from './blob-store.ts'
import type { Random } from './random.ts'

/** What sinks ask of the world beyond the job: other people's buckets, queues, tables and servers. */
export interface Outside {
  /** The objects of a bucket, by their whole keys. */
  objects(bucket: string): BlobStore
  /** A queue, by its name or URL. */
  queue(queue: string): OutsideQueue
  /** A table, by its name. */
  table(table: string): OutsideTable
  readonly http: OutsideHttp
  /** Resolves `ms` milliseconds later. */
  pause(ms: number): Promise<void>
  readonly random: Random
  /** Milliseconds until the invocation under way ends, and everything in it. Undefined: no end is near. */
  readonly remainingMs?: (() => number) | undefined
}

/**
 * What came of asking a service for something. `unavailable`: throttled, overloaded, no answer; it may have been done all
 * the same, and may be asked again. `refused`: asking again changes nothing.
 */
export type Answer =
  | { readonly type: 'done' }
  | { readonly type: 'unavailable'; readonly reason: string }
  | { readonly type: 'refused'; readonly reason: string }

export interface QueueEntry {
  readonly body: string
  /** FIFO queues only: entries of one group are received in the order they were sent. */
  readonly group?: string | undefined
  /** FIFO queues only: an entry whose id was sent within the last five minutes is swallowed, and counts as sent. */
  readonly deduplicationId?: string | undefined
}

/** Of one call. SQS API_SendMessageBatch. */
export const QUEUE_ENTRIES_MAX = 10
/** UTF-8, of one message, and of all of one call together. SQS API_SendMessageBatch. */
export const QUEUE_BYTES_MAX = 1_048_576

export interface OutsideQueue {
  /**
   * Sends at most {@link QUEUE_ENTRIES_MAX} entries, of {@link QUEUE_BYTES_MAX} together. Answers for each entry, by
   * index; an entry may fail where those around it are sent. Does not reject for what the service answers.
   */
  send(entries: readonly QueueEntry[]): Promise<readonly Answer[]>
}

/** A value of a table's item. Numbers are finite. */
export type TableValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly TableValue[]
  | { readonly [name: string]: TableValue }

export type TableItem = Readonly<Record<string, TableValue>>

/** One item, keys, attributes and their names together. DynamoDB's quota for items. */
export const TABLE_ITEM_BYTES_MAX = 409_600

/** Who writes an item, and when. An item keeps the stamp that it was written with, and stale writers lose by it. */
export interface ItemStamp {
  /** A sink of a job. The stamps of different sinks say nothing about each other. */
  readonly sink: string
  readonly subtask: number
  /** Compared by code units. */
  readonly version: string
  /**
   * What the versions of the current attempt begin with: an item that another subtask wrote in this attempt is replaced
   * whatever its version. Undefined: it is not, unless its version is smaller.
   */
  readonly overPeersOf: string | undefined
}

export interface OutsideTable {
  /**
   * Puts the item, with its stamp, in the place of the one that has its key, unless that one's stamp is of the same sink
   * and not of a smaller version (but see {@link ItemStamp.overPeersOf}): then the writer is stale, or the item is there
   * already, and nothing changes. Does not reject for what the service answers.
   */
  put(item: TableItem, stamp: ItemStamp): Promise<Answer | { readonly type: 'stale' }>
}

export interface HttpPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
}

export type HttpAnswer =
  | {
      readonly type: 'answer'
      readonly status: number
      /** Of the header `Retry-After`, where there is one. */
      readonly retryAfterMs: number | undefined
      /** The first characters of the body, for messages. */
      readonly bodyStart: string
    }
  /** Not reached, or no answer in time: it may have been taken all the same. */
  | { readonly type: 'no-answer'; readonly reason: string }

export interface OutsideHttp {
  /** Sends one POST request and follows no redirect. Does not reject for what happens on the network. */
  post(request: HttpPost): Promise<HttpAnswer>
}
