/** Bounds of the log, with their reasons. Those of AWS are in lib/aws/limits.ts. */
export const LOG_LIMITS: {
  readonly inlineBytes: number
  readonly retentionMs: number
  readonly payloadInlineBytes: number
  readonly tailBytesMax: number
  readonly conflictsMax: number
  readonly sendRoundsMax: number
  readonly reserveMs: number
  readonly resendPauseMs: number
  readonly sliceMs: number
  readonly unheadedMsMax: number
  readonly blobsAtOnce: number
} = {
  /** A write unit is 1 KB and costs 0.625 USD a million, a PUT 5 USD a million: from 8 KB on, an object is cheaper. */
  inlineBytes: 8 * 1024,
  /** Entries are folded into heads within minutes; weeks leave room for a job that stands still, and for people. */
  retentionMs: 28 * 24 * 3_600_000,
  /** SQS bills every 64 KB of a message as a request, and base64 adds a third: what is larger rides as an object. */
  payloadInlineBytes: 48 * 1024,
  /** What a cold start reads of the log, at most, before a new head is written. */
  tailBytesMax: 1024 * 1024,
  /** A turn that lost this often within one invocation lets its messages come again. */
  conflictsMax: 5,
  /** Times that what could not be sent is sent again, before the messages that led to it are let come again. */
  sendRoundsMax: 4,
  /** Left of an invocation when no new turn is begun: enough to send, and to answer. */
  reserveMs: 5_000,
  /** A gap is asked for again after this long: the answer to the first request may be under way. */
  resendPauseMs: 5_000,
  /** How long an actor goes on without input before it looks at its queue again: what a barrier waits for, at most. */
  sliceMs: 1_000,
  /** Entries end weeks after they were written: long before, a head stands for them, if anybody comes by at all. */
  unheadedMsMax: 7 * 24 * 3_600_000,
  /** Objects fetched side by side: more would only wait for one another on a function's share of a network. */
  blobsAtOnce: 16,
}
