import { EXIT, EXIT_OF_SIGNAL, type StopSignal } from '../exit-codes.ts'
import type { Colors } from '../text/colors.ts'
import { failureLines } from '../text/failure.ts'
import { formatElapsed } from '../text/figures.ts'
import { shellCommand } from '../text/shell.ts'
import { oneLine } from '../text/width.ts'
import type { AskOutcome, AskProgress, UserRequest } from './ask-job.ts'

/** What became of a request, or that its user did not wait for it. */
export type Ending =
  | AskOutcome
  | { readonly type: 'interrupted'; readonly signal: StopSignal; readonly progress: AskProgress | undefined }

export type Asked = UserRequest['type']

/** For people: `word-count: …`. */
const WHAT: Readonly<Record<Asked, string>> = {
  start: 'start',
  stop: 'stop with a savepoint',
  cancel: 'cancel',
  suspend: 'suspend',
  'trigger-savepoint': 'take a savepoint',
  'trigger-checkpoint': 'take a checkpoint',
}

export function exitCodeOf(ending: Ending): number {
  switch (ending.type) {
    case 'done':
      return EXIT.finished
    case 'refused':
      return EXIT.userMistake
    case 'failed':
      return EXIT.failed
    case 'no-answer':
      return EXIT.noAnswer
    case 'interrupted':
      return EXIT_OF_SIGNAL[ending.signal]
  }
}

/** What is shown while an answer is waited for. */
export function progressLine(asked: Asked, { isAnswered, record }: AskProgress): string {
  const job =
    record === undefined ? 'a job without a status' : `${oneLine(record.jobName)} (${record.status})`
  return isAnswered
    ? `${job}: accepted to ${WHAT[asked]}; waiting for it`
    : `${job}: asked to ${WHAT[asked]}; waiting for an answer`
}

/** What a request came to: the first line says it. */
export function endingLines(asked: Asked, ending: Ending, waitMs: number, colors: Colors): string[] {
  switch (ending.type) {
    case 'done':
      return doneLines(asked, ending, colors)
    case 'refused':
      return problemLines(`refused to ${WHAT[asked]}`, ending.message, colors)
    case 'failed':
      return [
        ...problemLines(`failed to ${WHAT[asked]}`, ending.message, colors),
        ...(ending.record?.cause === undefined ? [] : failureLines(ending.record.cause)),
        ...placeLines(asked, ending),
      ]
    case 'no-answer':
      return [
        ending.isAnswered
          ? `Not done within ${formatElapsed(waitMs)}, and still going on: accepted to ${WHAT[asked]}`
          : `No answer within ${formatElapsed(waitMs)}; the request to ${WHAT[asked]} goes on`,
        ...placeLines(asked, ending),
        ending.isAnswered
          ? 'See `millrace job status` for how it goes; --wait waits for longer'
          : 'See `millrace job status`, and the log of the coordinator function; --wait waits for longer',
      ]
    case 'interrupted':
      return ending.progress === undefined
        ? ['Stopped before anything was asked']
        : [`Stopped waiting; the request to ${WHAT[asked]} goes on. See \`millrace job status\``]
  }
}

function doneLines(asked: Asked, { record, checkpoint }: AskOutcome, { bold, green }: Colors): string[] {
  if (record === undefined) return []
  const { jobName, status, restoredFrom, latest } = record
  const name = bold(oneLine(jobName))
  const isOver = status !== 'RUNNING'
  if (checkpoint !== undefined) return [`${name} ${green(status)}`, ...placeLines(asked, { checkpoint })]
  const from = restoredFrom === undefined ? '' : `, begun from ${oneLine(restoredFrom.location)}`
  return [
    `${name} ${green(status)}${isOver ? '' : from}`,
    ...(isOver && latest !== undefined
      ? [
          `Go on from ${oneLine(latest.location)} with`,
          `  ${shellCommand(['millrace', 'job', 'start', '--from', 'latest'])}`,
        ]
      : []),
  ]
}

/** The location alone in its line, to be copied. */
function placeLines(asked: Asked, { checkpoint }: Pick<AskOutcome, 'checkpoint'>): string[] {
  if (checkpoint === undefined) return []
  const { checkpointId, location } = checkpoint
  const kind = asked === 'trigger-checkpoint' ? 'Checkpoint' : 'Savepoint'
  return [`${kind} ${checkpointId} is in`, `  ${oneLine(location)}`]
}

function problemLines(what: string, message: string, { red }: Colors): string[] {
  const [first = '', ...others] = message.split('\n').map(oneLine)
  if (others.length === 0) return [`${red('error:')} ${what}: ${first}`]
  return [`${red('error:')} ${what}:`, ...[first, ...others].map((line) => `  - ${line}`)]
}

/** For programs. */
export function endingJson(asked: Asked, ending: Ending): object {
  const seen = ending.type === 'interrupted' ? ending.progress : ending
  const checkpoint = ending.type === 'interrupted' ? undefined : ending.checkpoint
  return {
    request: asked,
    outcome: ending.type,
    exitCode: exitCodeOf(ending),
    requestId: seen?.requestId ?? null,
    job: seen?.record?.jobName ?? null,
    status: seen?.record?.status ?? null,
    checkpointId: checkpoint?.checkpointId ?? null,
    location: checkpoint?.location ?? null,
    message: 'message' in ending ? ending.message : null,
    cause: seen?.record?.cause ?? null,
  }
}
