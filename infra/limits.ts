import { LOG_LIMITS } from '../lib/serverless/actor/limits.ts'

const DAY_MS = 24 * 3_600_000

/** Bounds of the infrastructure, with their reasons. What the platform allows is said in docs/guide/deploy.md. */
export const INFRA_LIMITS: {
  readonly functionTimeoutSec: number
  readonly visibilityTimeoutSec: number
  readonly receivesMax: number
  readonly batchSize: number
  readonly queueRetentionDays: number
  readonly messageBytesMax: number
  readonly spillRetentionDays: number
  readonly memoryMb: number
  readonly concurrencyMax: number
  readonly staleMessageSec: number
} = {
  /** Short: what a lost invocation held comes again soon. */
  functionTimeoutSec: 30,
  /** A little longer than the timeout: no message comes again while the invocation that has it may still live. */
  visibilityTimeoutSec: 36,
  /** Some minutes of trying, while the platform has trouble, before a message is a dead letter. */
  receivesMax: 10,
  /** The most that SQS hands a function at once from a FIFO queue. */
  batchSize: 10,
  /** The most that SQS keeps a message: time to find out why nobody took it. */
  queueRetentionDays: 14,
  /** The most that SQS takes; said outright, because emulators have older defaults. */
  messageBytesMax: 1_048_576,
  /** Objects under `log/` belong to log entries; they go two weeks after the last of those. */
  spillRetentionDays: LOG_LIMITS.retentionMs / DAY_MS + 14,
  /** Lambda gives a function processor time by its memory: from 1,769 MB on a whole processor. */
  memoryMb: 1024,
  /** Invocations at once of one mapping of a queue, at most; SQS allows 2 to 1,000. */
  concurrencyMax: 1_000,
  /** A message that waits longer stands behind trouble. */
  staleMessageSec: 300,
}
