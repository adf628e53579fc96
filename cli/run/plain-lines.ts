import type { JobEvent } from '../../lib/embedded/job-handle.ts'
import type { Colors } from '../text/colors.ts'
import { failureLine } from '../text/failure.ts'
import { formatBytes, formatElapsed } from '../text/figures.ts'
import { shortPath } from '../text/stack.ts'
import { oneLine } from '../text/width.ts'
import { isFailure } from './job-observer.ts'
import { isKept } from './summary.ts'

/** An event as a line of a log; undefined: nothing that a reader of a log wants to know. */
export function plainLine(event: JobEvent, colors: Colors): string | undefined {
  const text = describe(event, colors)
  return text === undefined ? undefined : logLine(event.atMs, text, colors)
}

export function logLine(atMs: number, text: string, colors: Colors): string {
  return `${colors.dim(new Date(atMs).toISOString())} ${text}`
}

function describe(event: JobEvent, colors: Colors): string | undefined {
  switch (event.type) {
    case 'status': {
      const { from, to, cause } = event
      const move = `${from} -> ${to}`
      if (cause === undefined || to === 'RESTARTING') return move
      return colors.red(`${move}: ${failureLine(cause)}`)
    }
    case 'deployed': {
      const start =
        event.restoredFrom === undefined ? 'from nothing' : `from ${shortPath(event.restoredFrom)}`
      return `attempt ${event.attempt} runs, ${start}`
    }
    case 'restarting':
      return `attempt ${event.attempt} starts in ${formatElapsed(event.delayMs)}`
    case 'checkpoint-triggered':
      return undefined
    case 'checkpoint-completed': {
      const { kind, checkpointId, figures, path } = event
      const cost = `${formatElapsed(figures.durationMs)}, ${formatBytes(figures.bytes)}`
      return `${kind} ${checkpointId} completed: ${cost}, ${isKept(path) ? shortPath(path) : 'in memory'}`
    }
    case 'checkpoint-failed': {
      const { checkpointId, reason, message } = event
      const text = `checkpoint ${checkpointId} came to nothing (${reason}): ${oneLine(message)}`
      return isFailure(reason) ? colors.yellow(text) : text
    }
    case 'listening':
      return `${event.operatorUid} listens on ${event.url}`
    case 'warning':
      return colors.yellow(`warning: ${oneLine(event.message)}`)
  }
}
