import type { JobStatus } from '../../lib/checkpoint/job-status.ts'
import type { Colors } from '../text/colors.ts'
import { failureLine } from '../text/failure.ts'
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatElapsed,
  formatWatermark,
  plural,
} from '../text/figures.ts'
import { renderTable, type Cell, type Column } from '../text/table.ts'
import { oneLine, truncate, widthOf } from '../text/width.ts'
import type { CheckpointsView, JobView, OperatorView } from './job-observer.ts'

export interface FrameOptions {
  readonly nowMs: number
  /** Of the terminal. The frame leaves the last column and the last row free: a full one would scroll or wrap. */
  readonly columns: number
  readonly rows: number
  readonly colors: Colors
  /** Said below everything else, such as that the job is being stopped. */
  readonly notice?: string | undefined
}

/** What a terminal shows of a running job: its state, its operators, its checkpoints. */
export function renderFrame(view: JobView, options: FrameOptions): string[] {
  const { columns, rows, colors, notice } = options
  const width = Math.max(1, columns - 1)
  const above = ['', headLine(view, options), ...failureNote(view, options)]
  const below = [
    ...checkpointLines(view.checkpoints, options),
    ...(notice === undefined ? [] : [colors.yellow(truncate(notice, width))]),
  ]
  const room = rows - 1 - above.length - below.length - 2
  const frame = [...above, ...operatorLines(view.operators, room, width, colors), ...below]
  return frame.slice(0, Math.max(1, rows - 1))
}

function headLine(view: JobView, { nowMs, columns, colors }: FrameOptions): string {
  const { status, restarts, attempt, restartAtMs, startedAtMs } = view
  const details = [
    formatElapsed(nowMs - startedAtMs),
    ...(restarts > 0 ? [`attempt ${attempt}`, plural(restarts, 'restart')] : []),
    ...(restartAtMs === undefined ? [] : [`next try in ${formatElapsed(restartAtMs - nowMs)}`]),
  ].join(' · ')
  const width = columns - 1 - widthOf(status) - widthOf(details) - 4
  const name = truncate(oneLine(view.jobName), Math.max(8, width))
  const plain = `${name}  ${status}  ${details}`
  if (widthOf(plain) > columns - 1) return truncate(plain, Math.max(1, columns - 1))
  return `${colors.bold(name)}  ${statusColor(status, colors)(status)}  ${colors.dim(details)}`
}

function statusColor(status: JobStatus, colors: Colors): (text: string) => string {
  switch (status) {
    case 'RUNNING':
    case 'FINISHED':
      return colors.green
    case 'FAILED':
    case 'FAILING':
      return colors.red
    case 'CREATED':
    case 'RESTARTING':
    case 'CANCELLING':
    case 'CANCELED':
    case 'SUSPENDED':
      return colors.yellow
  }
}

function failureNote({ lastFailure }: JobView, { nowMs, columns, colors }: FrameOptions): string[] {
  if (lastFailure === undefined) return []
  const { atMs, cause } = lastFailure
  const note = `failed ${formatElapsed(nowMs - atMs)} ago: ${failureLine(cause)}`
  return [colors.red(truncate(note, Math.max(1, columns - 1)))]
}

function operatorLines(
  operators: readonly OperatorView[],
  room: number,
  width: number,
  colors: Colors,
): string[] {
  if (operators.length === 0) return []
  // One row goes to the titles, and one to the note on what is left out.
  const shown = operators.length <= room - 1 ? operators : operators.slice(0, Math.max(0, room - 2))
  const hidden = operators.length - shown.length
  if (shown.length === 0) return ['', colors.dim(truncate(plural(hidden, 'operator'), width)), '']
  const fields = operatorFields(operators, colors)
  const table = renderTable(
    fields.map(({ column }) => column),
    shown.map((operator) => fields.map(({ cell }) => cell(operator))),
    { width, titleStyle: colors.dim },
  )
  const more = hidden === 0 ? [] : [colors.dim(truncate(`… and ${formatCount(hidden)} more`, width))]
  return ['', ...table, ...more, '']
}

interface OperatorField {
  readonly column: Column
  readonly cell: (operator: OperatorView) => Cell
}

function operatorFields(operators: readonly OperatorView[], colors: Colors): readonly OperatorField[] {
  const names = operators.map(({ name }) => name)
  const isAmbiguous = (name: string) => names.indexOf(name) !== names.lastIndexOf(name)
  const nameOf = ({ name, uid }: OperatorView) =>
    oneLine(isAmbiguous(name) && name !== uid ? `${name} (${uid})` : name)
  const alarming = (title: string, count: (operator: OperatorView) => number): OperatorField[] =>
    operators.every((operator) => count(operator) === 0)
      ? []
      : [
          {
            column: { title, align: 'right' },
            cell: (operator) => {
              const value = count(operator)
              return value === 0 ? { text: '' } : { text: formatCount(value), style: colors.yellow }
            },
          },
        ]
  return [
    {
      column: { title: 'operator', align: 'left', widthMin: 8 },
      cell: (operator) => ({ text: nameOf(operator) }),
    },
    figure('tasks', ({ parallelism }) => formatCount(parallelism)),
    figure('in', ({ numRecordsIn }) => formatCount(numRecordsIn)),
    figure('in/s', ({ inPerSecond }) => formatCompact(inPerSecond)),
    figure('out', ({ numRecordsOut }) => formatCount(numRecordsOut)),
    figure('out/s', ({ outPerSecond }) => formatCompact(outPerSecond)),
    figure('keys', ({ keys }) => (keys === 0 ? '-' : formatCount(keys))),
    ...alarming('late', ({ numLateRecordsDropped }) => numLateRecordsDropped),
    ...alarming('dead', ({ numDeadLetters }) => numDeadLetters),
    {
      column: { title: 'watermark', align: 'left' },
      cell: ({ currentWatermark }) => ({ text: formatWatermark(currentWatermark) }),
    },
  ]
}

function figure(title: string, textOf: (operator: OperatorView) => string): OperatorField {
  return { column: { title, align: 'right' }, cell: (operator) => ({ text: textOf(operator) }) }
}

function checkpointLines(view: CheckpointsView, { nowMs, columns, colors }: FrameOptions): string[] {
  const width = Math.max(1, columns - 1)
  const { last, lastFailure, completed, savepoints, failed } = view
  const lines: string[] = []
  if (last !== undefined) {
    const { kind, checkpointId, figures, atMs } = last
    const counts = [
      `${formatCount(completed)} taken`,
      ...(savepoints === 0 ? [] : [plural(savepoints, 'savepoint')]),
    ]
    const text =
      `${kind} ${checkpointId}: ${formatElapsed(figures.durationMs)}, ` +
      `${formatBytes(figures.bytes)} written of ${formatBytes(figures.fullBytes)}, ` +
      `${formatElapsed(nowMs - atMs)} ago · ${counts.join(', ')}`
    lines.push(truncate(text, width))
  }
  if (lastFailure !== undefined) {
    const { checkpointId, atMs, message } = lastFailure
    const text =
      `${plural(failed, 'checkpoint')} failed; the last one, ${checkpointId}, ` +
      `${formatElapsed(nowMs - atMs)} ago: ${oneLine(message)}`
    lines.push(colors.yellow(truncate(text, width)))
  }
  return lines
}
