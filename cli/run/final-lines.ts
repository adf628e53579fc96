import type { Colors } from '../text/colors.ts'
import { failureLines } from '../text/failure.ts'
import { oneLine } from '../text/width.ts'
import { summaryLine, type RunSummary } from './summary.ts'

/** What a run ends with: why it failed, how to go on, and in the last line what it came to. */
export function finalLines(summary: RunSummary, colors: Colors): string[] {
  const { result, jobName } = summary
  const failure =
    result.cause === undefined
      ? []
      : [colors.red(`${oneLine(jobName)} failed`), ...failureLines(result.cause), '']
  return [...failure, ...resumeLines(summary), summaryLine(summary, colors)]
}

export function stoppedAtOnceLines(resume: string | undefined): string[] {
  const hint =
    resume === undefined ? [] : ['Go on from the newest checkpoint that is complete with', `  ${resume}`]
  return ['Stopped at once, without a last checkpoint', ...hint]
}

function resumeLines({ result, resume }: RunSummary): string[] {
  const { status } = result
  if (status === 'FINISHED' || status === 'CANCELED') return []
  if (resume !== undefined) return ['Go on from the last checkpoint with', `  ${resume}`]
  return status === 'SUSPENDED'
    ? [
        'No checkpoint was kept: another run starts from nothing. A job that has begun to run takes a last one if ' +
          'execution.checkpointing.interval is set',
      ]
    : []
}
