import type { JobPlan } from '../graph/plan.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { IngestLog } from '../ports/ingest-log.ts'
import type { Mailbox } from '../ports/mailbox.ts'
import type { Outside } from '../ports/outside.ts'
import type { Random } from '../ports/random.ts'
import type { RowStore } from '../ports/row-store.ts'
import type { TurnLog } from '../ports/turn-log.ts'
import type { SafetySchedule, WakeUps } from '../ports/wake-ups.ts'
import type { JobConfig } from '../stream/config.ts'
import type { JobObserver } from './observe.ts'

/** Everything that one job's handlers work with: its program, and the world through ports. One per process and job. */
export interface JobRuntime {
  readonly config: JobConfig
  readonly plan: JobPlan
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly random: Random
  readonly mailbox: Mailbox
  readonly log: TurnLog
  readonly rows: RowStore
  /** Checkpoints, savepoints, spilled log entries and large rows; nothing but this job's. */
  readonly blobs: BlobStore
  readonly wakeUps: WakeUps
  readonly schedule: SafetySchedule
  /** What came in at the front door; undefined: an {@link IngestLogReader} on the same log. */
  readonly ingest?: IngestLog | undefined
  /** What sinks may use of the world beyond the job. */
  readonly outside?: Outside | undefined
  readonly observe: JobObserver
}

/** One message of an invocation. */
export interface IncomingMessage {
  /** Names the message in the answer. */
  readonly messageId: string
  readonly body: Uint8Array
}

export interface Invocation {
  /** Milliseconds until the platform ends this invocation. */
  remainingMs(): number
}

/** Messages that are not done: they, and later ones of the same actor, are to come again. All others are deleted. */
export interface BatchOutcome {
  readonly failed: readonly string[]
}

/** Handles a batch of messages, in the order of the queue. Never rejects for a fault of one actor: its messages are `failed`. */
export type MessageHandler = (
  messages: readonly IncomingMessage[],
  invocation: Invocation,
) => Promise<BatchOutcome>
