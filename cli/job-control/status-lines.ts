import { isTerminal } from '../../lib/checkpoint/job-status.ts'
import type { Warned } from '../../lib/serverless/coordinator/image.ts'
import type { JobStatusRecord, ShownCheckpoint } from '../../lib/serverless/coordinator/job-status-record.ts'
import type { Colors } from '../text/colors.ts'
import { failureLines } from '../text/failure.ts'
import { formatBytes, formatElapsed, formatInstant, plural } from '../text/figures.ts'
import { renderTable, type Cell } from '../text/table.ts'
import { oneLine } from '../text/width.ts'

/** A job's status for people. */
export function statusLines(record: JobStatusRecord, nowMs: number, colors: Colors): string[] {
  const { jobName, status, cause, unmaterialized, warnings = [] } = record
  const color = status === 'FAILED' ? colors.red : status === 'RUNNING' ? colors.green : colors.yellow
  return [
    `${colors.bold(oneLine(jobName))} ${color(status)}`,
    ...factsOf(record, nowMs).map(([name, value]) => `  ${name.padEnd(11)}  ${oneLine(value)}`),
    ...(unmaterialized.length === 0
      ? []
      : [
          `  Rows of ${unmaterialized.join(', ')} are in their logs: no start at another parallelism from the checkpoint kept`,
        ]),
    ...(cause === undefined ? [] : ['', colors.red('Last failure'), ...failureLines(cause)]),
    ...(warnings.length === 0
      ? []
      : ['', colors.yellow('Warnings'), ...warnings.map((one) => warningLine(one, nowMs))]),
  ]
}

const warningLine = ({ atMs, message }: Warned, nowMs: number): string =>
  `  ${formatElapsed(nowMs - atMs)} ago: ${oneLine(message)}`

function factsOf(record: JobStatusRecord, nowMs: number): (readonly [string, string])[] {
  const { runId, attempt, restarts, startedAtMs, updatedAtMs, restartAtMs, status, restoredFrom } = record
  const { checkpoints, lastSavepoint, latest, shape, idle } = record
  const ago = (atMs: number): string => `${formatInstant(atMs)}, ${formatElapsed(nowMs - atMs)} ago`
  const isOver = isTerminal(status)
  const last = checkpoints.at(-1)
  const facts: [string, string | undefined][] = [
    ['run', runId === undefined ? 'none yet' : runId],
    ['started', startedAtMs === undefined ? undefined : ago(startedAtMs)],
    ['attempt', `${attempt}, ${plural(restarts, 'restart')}`],
    [
      'restart',
      restartAtMs === undefined ? undefined : `in ${formatElapsed(Math.max(0, restartAtMs - nowMs))}`,
    ],
    ['begun from', restoredFrom === undefined ? undefined : restoredFrom.location],
    ['chains', shape?.vertices.map(({ id, parallelism }) => `${id} (${parallelism})`).join(', ')],
    ['checkpoint', last === undefined ? 'none' : pointOf(last, nowMs)],
    ['idle', idle && !isOver ? idleText(last) : undefined],
    ['savepoint', lastSavepoint === undefined ? undefined : pointOf(lastSavepoint, nowMs)],
    ['latest', latest === undefined ? undefined : latest.location],
    ['as of', ago(updatedAtMs)],
  ]
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined)
}

const idleText = (last: ShownCheckpoint | undefined): string =>
  last === undefined ? 'nothing to do' : 'nothing to do since, so no checkpoints are taken'

function pointOf({ checkpointId, location, completedAtMs, figures }: ShownCheckpoint, nowMs: number): string {
  const when = `${formatElapsed(nowMs - completedAtMs)} ago, in ${formatElapsed(figures.durationMs)}`
  return `${checkpointId}, ${when}: ${location}`
}

/** For programs: the record, but for what only the command line itself makes use of. */
export function statusJson({ answers: _answers, positions: _positions, ...shown }: JobStatusRecord): object {
  return shown
}

/** Checkpoints that are retained, and the last savepoint; oldest first. */
export function checkpointsOf({ checkpoints, lastSavepoint }: JobStatusRecord): readonly ShownCheckpoint[] {
  const all = [...checkpoints, ...(lastSavepoint === undefined ? [] : [lastSavepoint])]
  return all.toSorted((a, b) => a.checkpointId - b.checkpointId)
}

const cell = (text: string): Cell => ({ text })

export function checkpointLines(record: JobStatusRecord, colors: Colors): string[] {
  const rows = checkpointsOf(record).map(({ checkpointId, kind, completedAtMs, figures, location }) => [
    cell(String(checkpointId)),
    cell(kind),
    cell(formatInstant(completedAtMs)),
    cell(formatElapsed(figures.durationMs)),
    cell(formatBytes(figures.bytes)),
    cell(oneLine(location)),
  ])
  if (rows.length === 0) return [`${oneLine(record.jobName)} has no checkpoint and no savepoint`]
  const columns = [
    { title: 'ID', align: 'right' },
    { title: 'KIND', align: 'left' },
    { title: 'COMPLETED', align: 'left' },
    { title: 'TOOK', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'LOCATION', align: 'left' },
  ] as const
  // Locations are there to be copied: they are never cut.
  return renderTable(columns, rows, { width: Infinity, titleStyle: colors.dim })
}
