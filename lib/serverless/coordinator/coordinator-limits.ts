/** Bounds of the coordinator, with their reasons. */
export const COORDINATOR_LIMITS: {
  readonly answersMax: number
  readonly warningsMax: number
  readonly formerMax: number
  readonly settleTimeoutMs: number
  readonly intervalMsMin: number
  readonly milestoneEveryMs: number
  readonly resendWithinMs: number
  readonly textCharsMax: number
  readonly dropAtOnce: number
  readonly ingestVisitEveryMs: number
  readonly lateMsMax: number
  readonly removedMax: number
} = {
  /** Who asked looks for the answer within minutes; a repeat of a request that is older than these is taken for a new one. */
  answersMax: 100,
  /** For people, who look at the log for more. */
  warningsMax: 10,
  /** Lineages that were left while they could still be gone back to. The oldest is given up for a new one. */
  formerMax: 4,
  /** Tasks materialize what they hold in memory, which is bounded; a task that is lost must not keep a job from its end. */
  settleTimeoutMs: 5 * 60_000,
  /** A checkpoint costs an object and messages to each task and back. */
  intervalMsMin: 1_000,
  /** How exactly the age of a turn is known. */
  milestoneEveryMs: 60_000,
  /** After it was sent, an order that its receiver lacks is asked for again within a visibility timeout or two. */
  resendWithinMs: 5 * 60_000,
  /** Of one message or stack in the public record, which is one item of a table. */
  textCharsMax: 4_000,
  /** Partitions of rows that are dropped side by side. */
  dropAtOnce: 16,
  /** Often enough to tell in time of records that nobody reads, seldom enough to cost nothing. */
  ingestVisitEveryMs: 24 * 3_600_000,
  /** A process that stalled goes on late, by minutes; the platform replaces every environment within hours. */
  lateMsMax: 24 * 3_600_000,
  /** Each holds the uids of the keyed operators. What there is no room for is removed again at once. */
  removedMax: 32,
}
