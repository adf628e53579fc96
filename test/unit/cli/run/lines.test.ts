import { describe, expect, test } from 'vitest'

import type { JobEvent } from '../../../../lib/embedded/job-handle.ts'
import { finalLines, stoppedAtOnceLines } from '../../../../cli/run/final-lines.ts'
import { plainLine } from '../../../../cli/run/plain-lines.ts'
import { summaryLine, type RunSummary } from '../../../../cli/run/summary.ts'
import { cause, colors, completed, result } from './fake-job.ts'

const summary = (given: Partial<RunSummary> = {}): RunSummary => ({
  jobName: 'word-count',
  result: result({}),
  recordsRead: 1_234_567,
  durationMs: 12_000,
  checkpoints: 3,
  failedCheckpoints: 0,
  resume: undefined,
  ...given,
})

describe('a line of the log', () => {
  test.each<[JobEvent, string | undefined]>([
    [{ type: 'status', atMs: 0, from: 'CREATED', to: 'RUNNING', cause: undefined }, 'CREATED -> RUNNING'],
    [
      { type: 'status', atMs: 0, from: 'RUNNING', to: 'FAILING', cause },
      'RUNNING -> FAILING: the word bug (count, subtask 1, key "bug", at words.txt:120)',
    ],
    [{ type: 'status', atMs: 0, from: 'FAILING', to: 'RESTARTING', cause }, 'FAILING -> RESTARTING'],
    [{ type: 'deployed', atMs: 0, attempt: 1, restoredFrom: undefined }, 'attempt 1 runs, from nothing'],
    [
      { type: 'deployed', atMs: 0, attempt: 2, restoredFrom: '/checkpoints/chk-7' },
      'attempt 2 runs, from /checkpoints/chk-7',
    ],
    [{ type: 'restarting', atMs: 0, attempt: 2, delayMs: 3_000 }, 'attempt 2 starts in 3 s'],
    [{ type: 'checkpoint-triggered', atMs: 0, checkpointId: 1, kind: 'checkpoint' }, undefined],
    [completed(7), 'checkpoint 7 completed: 34 ms, 1.23 kB, /checkpoints/chk-7'],
    [
      { type: 'checkpoint-failed', atMs: 0, checkpointId: 7, reason: 'expired', message: 'took\nlong' },
      'checkpoint 7 came to nothing (expired): took long',
    ],
    [
      { type: 'listening', atMs: 0, operatorUid: 'views', url: 'http://127.0.0.1:8080/views' },
      'views listens on http://127.0.0.1:8080/views',
    ],
    [{ type: 'warning', atMs: 0, message: 'mind the gap' }, 'warning: mind the gap'],
  ])('says %o', (event, text) => {
    expect(plainLine(event, colors)).toBe(text && `1970-01-01T00:00:00.000Z ${text}`)
  })
})

describe('the last line', () => {
  test('sums the run up', () => {
    expect(summaryLine(summary(), colors)).toBe(
      'word-count FINISHED: 1,234,567 records in 12 s (103k/s), 3 checkpoints, no restarts',
    )
  })

  test('says where the last checkpoint is, and what went wrong on the way', () => {
    const suspended = result({
      status: 'SUSPENDED',
      restarts: 1,
      lastCheckpoint: { checkpointId: 9, path: `${process.cwd()}/.millrace/checkpoints/run-1/chk-9` },
    })
    expect(
      summaryLine(
        summary({ result: suspended, recordsRead: 0, durationMs: 0, failedCheckpoints: 2 }),
        colors,
      ),
    ).toBe(
      'word-count SUSPENDED: 0 records in 0 ms, 3 checkpoints (2 more failed), 1 restart, ' +
        'last checkpoint in .millrace/checkpoints/run-1/chk-9',
    )
  })
})

describe('the end of a run', () => {
  test('that failed shows the cause whole', () => {
    const stack = `Error: the word bug\n    at count (${process.cwd()}/job.ts:12:11)\n    at node:internal/main:1:1`
    const failed = result({
      status: 'FAILED',
      cause: { ...cause, stack, notRestartedBecause: '2 of 2 restarts were used' },
    })
    expect(
      finalLines(summary({ result: failed, resume: 'millrace run job.ts --from latest' }), colors),
    ).toEqual([
      'word-count failed',
      '  operator    count, subtask 1',
      '  key         "bug"',
      '  record      words.txt:120',
      '  event time  1970-01-01T00:00:01Z',
      '  no restart  2 of 2 restarts were used',
      '  Error: the word bug',
      '      at count (job.ts:12:11)',
      '',
      'Go on from the last checkpoint with',
      '  millrace run job.ts --from latest',
      expect.stringMatching(/^word-count FAILED: /),
    ])
  })

  test('that threw what is no error shows it all the same', () => {
    const failed = result({ status: 'FAILED', cause: { message: 'just\ntext' } })
    expect(finalLines(summary({ result: failed }), colors).slice(0, 4)).toEqual([
      'word-count failed',
      '  just',
      '  text',
      '',
    ])
  })

  test('that was suspended says how to go on, or that nothing was kept', () => {
    const suspended = result({ status: 'SUSPENDED' })
    expect(finalLines(summary({ result: suspended, resume: 'go on' }), colors).slice(0, 2)).toEqual([
      'Go on from the last checkpoint with',
      '  go on',
    ])
    expect(finalLines(summary({ result: suspended }), colors)[0]).toMatch(/^No checkpoint was kept/)
  })

  test('that finished needs no more than a line', () => {
    expect(finalLines(summary(), colors)).toHaveLength(1)
  })

  test('at once says from where another run can go on', () => {
    expect(stoppedAtOnceLines('millrace run job.ts --from latest')).toHaveLength(3)
    expect(stoppedAtOnceLines(undefined)).toHaveLength(1)
  })
})
