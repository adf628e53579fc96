import { isAbsolute } from 'node:path'

import type { JobResult } from '../../lib/embedded/job-handle.ts'
import type { Colors } from '../text/colors.ts'
import { formatCompact, formatElapsed, plural } from '../text/figures.ts'
import { shortPath } from '../text/stack.ts'
import { oneLine } from '../text/width.ts'

/** What a run came to. */
export interface RunSummary {
  readonly jobName: string
  readonly result: JobResult
  readonly recordsRead: number
  readonly durationMs: number
  readonly checkpoints: number
  readonly failedCheckpoints: number
  /** How to go on from where the job stopped; undefined where there is nothing to go on with, or from. */
  readonly resume: string | undefined
}

/** Whether a checkpoint outlives the process: one in memory does not, and is not named by a path on disk. */
export function isKept(path: string): boolean {
  return isAbsolute(path)
}

/** `word-count FINISHED: 1,234,567 records in 12 s (103k/s), 3 checkpoints, no restarts`. */
export function summaryLine(summary: RunSummary, colors: Colors): string {
  const { jobName, result, recordsRead, durationMs, checkpoints, failedCheckpoints } = summary
  const { status, restarts, lastCheckpoint } = result
  const rate = durationMs > 0 ? ` (${formatCompact((recordsRead * 1_000) / durationMs)}/s)` : ''
  const failed = failedCheckpoints === 0 ? '' : ` (${failedCheckpoints} more failed)`
  const facts = [
    `${plural(recordsRead, 'record')} in ${formatElapsed(durationMs)}${rate}`,
    `${checkpoints === 0 ? 'no checkpoints' : plural(checkpoints, 'checkpoint')}${failed}`,
    restarts === 0 ? 'no restarts' : plural(restarts, 'restart'),
    ...(lastCheckpoint === undefined || !isKept(lastCheckpoint.path)
      ? []
      : [`last checkpoint in ${shortPath(lastCheckpoint.path)}`]),
  ]
  const color = status === 'FINISHED' ? colors.green : status === 'FAILED' ? colors.red : colors.yellow
  return `${colors.bold(oneLine(jobName))} ${color(status)}: ${facts.join(', ')}`
}
