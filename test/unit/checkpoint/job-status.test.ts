import { describe, expect, it } from 'vitest'
import {
  canMove,
  isGloballyTerminal,
  isTerminal,
  JOB_STATUS_MOVES,
  type JobStatus,
} from '../../../lib/checkpoint/job-status.ts'

const ALL = Object.keys(JOB_STATUS_MOVES) as JobStatus[]

function reachableFrom(start: JobStatus): Set<JobStatus> {
  const seen = new Set([start])
  for (const status of seen) for (const next of JOB_STATUS_MOVES[status]) seen.add(next)
  return seen
}

function endsOf(status: JobStatus): JobStatus[] {
  return [...reachableFrom(status)].filter(isTerminal).toSorted()
}

describe('the table of a job’s status', () => {
  it('reaches every status from CREATED', () => {
    expect([...reachableFrom('CREATED')].toSorted()).toEqual(ALL.toSorted())
  })

  it('lets every status but the terminal ones end, in every way that is left to it', () => {
    expect(endsOf('CANCELLING')).toEqual(['CANCELED'])
    for (const status of ['CREATED', 'RUNNING', 'FAILING', 'RESTARTING'] as const) {
      expect(endsOf(status)).toEqual(['CANCELED', 'FAILED', 'FINISHED', 'SUSPENDED'])
    }
  })

  it('moves nowhere from itself, nor back to CREATED', () => {
    for (const status of ALL) {
      expect(canMove(status, status)).toBe(false)
      expect(canMove(status, 'CREATED')).toBe(false)
    }
  })

  it('finishes only while running, and restarts only after failing', () => {
    expect(ALL.filter((from) => canMove(from, 'FINISHED'))).toEqual(['RUNNING'])
    expect(ALL.filter((from) => canMove(from, 'RESTARTING'))).toEqual(['FAILING'])
    expect(ALL.filter((from) => canMove(from, 'FAILED'))).toEqual(['FAILING'])
  })

  it('tells the end here from the end everywhere', () => {
    expect(ALL.filter(isTerminal)).toEqual(['CANCELED', 'FINISHED', 'FAILED', 'SUSPENDED'])
    expect(ALL.filter(isGloballyTerminal)).toEqual(['CANCELED', 'FINISHED', 'FAILED'])
  })
})
