import { isTerminal, type JobStatus } from '../../lib/checkpoint/job-status.ts'
import { COORDINATOR } from '../../lib/model/actors.ts'
import { UserError } from '../../lib/model/faults.ts'
import type { Mailbox } from '../../lib/ports/mailbox.ts'
import type { TurnLog } from '../../lib/ports/turn-log.ts'
import { encodeRequest } from '../../lib/serverless/actor/envelope.ts'
import { readJobStatus, type JobStatusRecord } from '../../lib/serverless/coordinator/job-status-record.ts'
import type { JobRequest } from '../../lib/serverless/protocol.ts'

/** How a deployed job is reached, and how time passes for who waits for it. */
export interface JobControl {
  readonly mailbox: Mailbox
  readonly log: TurnLog
  readonly now: () => number
  readonly pause: (ms: number) => Promise<void>
  readonly newRequestId: () => string
}

type Without<T> = T extends unknown ? Omit<T, 'requestId'> : never

/** What a user asks of a job. */
export type UserRequest = Without<
  Exclude<JobRequest, { readonly type: 'tick' | 'visit' | 'dead-letter' | 'denied' }>
>

/** What is known while an answer is waited for. */
export interface AskProgress {
  readonly requestId: string
  readonly askedAtMs: number
  readonly isAnswered: boolean
  readonly record: JobStatusRecord | undefined
}

export interface CheckpointPlace {
  readonly checkpointId: number
  readonly location: string
}

/** What became of a request. `record` is the last status that was seen. */
export type AskOutcome = {
  readonly requestId: string
  readonly record: JobStatusRecord | undefined
  /** Where it took a checkpoint or savepoint. */
  readonly checkpoint: CheckpointPlace | undefined
} & (
  | { readonly type: 'done' }
  /** Not even tried. */
  | { readonly type: 'refused'; readonly message: string }
  /** Tried in vain. */
  | { readonly type: 'failed'; readonly message: string }
  /** It may yet be carried out. */
  | { readonly type: 'no-answer'; readonly isAnswered: boolean }
)

const POLL_MS = 1_000

/** A status that ends the waiting: the one that was asked for, or one from which it is not reached. */
const GOALS: Readonly<
  Record<UserRequest['type'], ((status: JobStatus) => 'reached' | 'missed' | 'pending') | undefined>
> = {
  start: (status) => {
    if (status === 'RUNNING' || status === 'FINISHED') return 'reached'
    return isTerminal(status) ? 'missed' : 'pending'
  },
  stop: endsAs('FINISHED'),
  cancel: endsAs('CANCELED'),
  suspend: endsAs('SUSPENDED'),
  'trigger-savepoint': undefined,
  'trigger-checkpoint': undefined,
}

function endsAs(goal: JobStatus): (status: JobStatus) => 'reached' | 'missed' | 'pending' {
  return (status) => {
    if (status === goal) return 'reached'
    return isTerminal(status) ? 'missed' : 'pending'
  }
}

/** @throws UserError if it never had one. */
export async function expectStatus(log: TurnLog): Promise<JobStatusRecord> {
  const record = await readJobStatus(log)
  if (record !== undefined) return record
  throw new UserError(
    'The job was never started, and so has no status. It starts by itself within a minute of its first deployment, ' +
      'or with `millrace job start`; if it does not, look at the log of its coordinator function',
  )
}

/**
 * Asks the job's coordinator, and waits in its published status for the answer, and for what was asked to have happened;
 * at most for `waitMs`.
 * @throws UserError if the job was never started, and it is not that which is asked for. Faults of the ports.
 */
export async function askJob(
  control: JobControl,
  request: UserRequest,
  { waitMs, onProgress }: { readonly waitMs: number; readonly onProgress: (progress: AskProgress) => void },
): Promise<AskOutcome> {
  const { log, mailbox, now, pause } = control
  // Also shows, before anything is asked, whether the job can be heard.
  let record = request.type === 'start' ? await readJobStatus(log) : await expectStatus(log)
  const requestId = control.newRequestId()
  const askedAtMs = now()
  const deadlineMs = askedAtMs + waitMs
  const body = encodeRequest(COORDINATOR, { ...request, requestId } satisfies JobRequest)
  let [sent] = await mailbox.send([{ to: COORDINATOR, deduplicationId: requestId, body }])
  let checkpoint: CheckpointPlace | undefined
  let isAnswered = false
  for (;;) {
    onProgress({ requestId, askedAtMs, isAnswered, record })
    record = await readJobStatus(log)
    const answer = record?.answers[requestId]
    const seen = { requestId, record, checkpoint }
    if (answer?.type === 'refused' || answer?.type === 'failed')
      return { ...seen, type: answer.type, message: answer.message }
    if (answer !== undefined) isAnswered = true
    if (answer?.type === 'completed') {
      const { checkpointId, location } = answer
      checkpoint = { checkpointId, location }
    }
    if (isAnswered && record !== undefined) {
      const { status } = record
      const reached = GOALS[request.type]?.(status) ?? 'reached'
      if (reached === 'reached') return { ...seen, checkpoint, type: 'done' }
      if (reached === 'missed')
        return { ...seen, checkpoint, type: 'failed', message: `the job is ${status}` }
    }
    const leftMs = deadlineMs - now()
    if (leftMs <= 0) return { ...seen, checkpoint, type: 'no-answer', isAnswered }
    await pause(Math.min(POLL_MS, leftMs))
    if (sent === 'failed' && !isAnswered) {
      // Under the same id: it is one request, however often it arrives.
      ;[sent] = await mailbox.send([{ to: COORDINATOR, deduplicationId: requestId, body }])
    }
  }
}
