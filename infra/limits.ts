import { AWS_LIMITS } from '../lib/aws/limits.ts'
import { FUNCTION_LIMITS } from '../lib/model/function-limits.ts'
import { LOG_LIMITS } from '../lib/serverless/actor/limits.ts'

const DAY_MS = 24 * 3_600_000

/** Bounds of the infrastructure, with their reasons. What the platform allows is said in docs/guide/deploy.md. */
export const INFRA_LIMITS: {
  readonly functionTimeoutSec: number
  readonly receivesMax: number
  readonly ingestReceivesMax: number
  readonly batchSize: number
  readonly queueRetentionDays: number
  readonly messageBytesMax: number
  readonly spillRetentionDays: number
  readonly memoryMb: number
  readonly passingConcurrency: number
  readonly queueUrlBytes: number
  readonly queueArnBytes: number
  readonly stackNameBytes: number
  readonly tableNameBytes: number
  readonly bucketNameBytes: number
  readonly ruleNameBytes: number
  readonly staleMessageSecMin: number
} = {
  /** Short: what a lost invocation held comes again soon. */
  functionTimeoutSec: FUNCTION_LIMITS.timeoutMsMin / 1_000,
  /** Some minutes of trying, while the platform has trouble, before a message is a dead letter. */
  receivesMax: 10,
  /**
   * The most that SQS takes: ten hours of trying, and more where several wait. Records are nowhere else, and those of a
   * partition wait behind the one that is tried, in order; all other messages can be sent again from a log.
   */
  ingestReceivesMax: 1_000,
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
  /**
   * Invocations at once of what only passes messages on: some thousand messages a second. A queue without a bound would take
   * more and more of the account's invocations, and leave none for the tasks.
   */
  passingConcurrency: 10,
  /** The longest: of a queue whose name has 80 characters, in `cn-northwest-1`. */
  queueUrlBytes: 137,
  /** As above, in the region and the partition with the longest names. */
  queueArnBytes: 128,
  /** CloudFormation takes no longer name. */
  stackNameBytes: 128,
  /** DynamoDB takes no longer name. */
  tableNameBytes: 255,
  /** S3 takes no longer name. */
  bucketNameBytes: 63,
  /** EventBridge takes no longer name. */
  ruleNameBytes: 64,
  /** A message that waits longer stands behind trouble, where functions take no longer themselves. */
  staleMessageSecMin: 300,
}

/**
 * How long a queue hides a message that a function with such a timeout has: a little longer, so that no message comes again
 * while the invocation that has it may still live. AWS advises six times the timeout, so that pollers outlast throttling. Here
 * it would cost more than it gives: no more invocations are asked for than may run, and a task whose invocation was lost
 * stands still for this long.
 */
export function visibilityTimeoutSecOf(functionTimeoutSec: number): number {
  return Math.ceil(functionTimeoutSec * 1.2)
}

/** From when on a message waits too long in a queue: behind one that was lost, it waits for the time that this one is hidden. */
export function staleMessageSecOf(visibilityTimeoutSec: number): number {
  return Math.max(INFRA_LIMITS.staleMessageSecMin, 2 * visibilityTimeoutSec)
}

/** The same of the queue of wake-ups. AWS does not say that a message's age begins when its delay ends: it may count all of it. */
export function staleWakeUpSecOf(visibilityTimeoutSec: number): number {
  return AWS_LIMITS.sqsDelaySec + staleMessageSecOf(visibilityTimeoutSec)
}
