import { describe, expect, test } from 'vitest'

import type { JobEvent, OperatorFigures } from '../../../../lib/embedded/job-handle.ts'
import { JobObserver } from '../../../../cli/run/job-observer.ts'
import { renderFrame } from '../../../../cli/run/live-frame.ts'
import { widthOf } from '../../../../cli/text/width.ts'
import { cause, colors, completed, metrics, operator } from './fake-job.ts'

interface Scene {
  readonly operators?: readonly OperatorFigures[]
  readonly events?: readonly JobEvent[]
  readonly attempt?: number
  readonly columns?: number
  readonly rows?: number
  readonly notice?: string
}

const NOW_MS = 72_000
const OPERATORS = [
  operator('lines', { numRecordsIn: 1_000, numRecordsOut: 1_000 }),
  operator('count', {
    parallelism: 4,
    numRecordsIn: 8_000,
    keys: 1_200,
    currentWatermark: 1_547_718_199_000,
  }),
]

function frame(scene: Scene = {}): string[] {
  const { operators = OPERATORS, events = [], attempt = 1, columns = 100, rows = 40, notice } = scene
  const observer = new JobObserver({
    jobName: 'word-count',
    status: 'RUNNING',
    startedAtMs: 0,
    sourceUids: new Set(['lines']),
  })
  for (const event of events) observer.onEvent(event)
  const restarts = attempt - 1
  observer.sample(
    metrics(
      operators.map((one) => operator(one.uid, { name: one.name })),
      { attempt, restarts },
    ),
    NOW_MS - 1_000,
  )
  observer.sample(metrics(operators, { attempt, restarts }), NOW_MS)
  return renderFrame(observer.view(), { nowMs: NOW_MS, columns, rows, colors, notice })
}

test('shows the job, its operators and its last checkpoint', () => {
  expect(frame({ events: [completed(11), completed(12, 70_000)] })).toEqual([
    '',
    'word-count  RUNNING  1 min 12 s',
    '',
    'operator  tasks     in   in/s    out  out/s   keys  watermark',
    'lines         1  1,000  1,000  1,000  1,000      -  -',
    'count         4  8,000  8,000      0      0  1,200  2019-01-17T09:43:19Z',
    '',
    'checkpoint 12: 34 ms, 1.23 kB written of 56 kB, 2 s ago · 2 taken',
  ])
})

test('shows before anything is known that the job is there', () => {
  expect(frame({ operators: [] })).toEqual(['', 'word-count  RUNNING  1 min 12 s'])
})

test('shows restarts with the last cause, and the wait for the next one', () => {
  const events: JobEvent[] = [
    { type: 'status', atMs: 60_000, from: 'RUNNING', to: 'FAILING', cause },
    { type: 'status', atMs: 60_001, from: 'FAILING', to: 'RESTARTING', cause },
    { type: 'restarting', atMs: 60_001, attempt: 3, delayMs: 15_000 },
  ]
  expect(frame({ events, attempt: 2 }).slice(1, 3)).toEqual([
    'word-count  RESTARTING  1 min 12 s · attempt 2 · 1 restart · next try in 3 s',
    'failed 12 s ago: the word bug (count, subtask 1, key "bug", at words.txt:120)',
  ])
})

test('shows failed checkpoints, late records and dead letters only where there are some', () => {
  const events: JobEvent[] = [
    {
      type: 'checkpoint-failed',
      atMs: 69_000,
      checkpointId: 3,
      reason: 'expired',
      message: 'took over 10 s',
    },
  ]
  const operators = [
    operator('lines', { numDeadLetters: 2 }),
    operator('count', { numLateRecordsDropped: 1_500 }),
  ]
  expect(frame({ events, operators }).slice(3)).toEqual([
    'operator  tasks  in  in/s  out  out/s  keys   late  dead  watermark',
    'lines         1   0     0    0      0     -            2  -',
    'count         1   0     0    0      0     -  1,500        -',
    '',
    '1 checkpoint failed; the last one, 3, 3 s ago: took over 10 s',
  ])
})

test('tells operators of one name apart by their uid', () => {
  const operators = [
    operator('map-1', { name: 'map' }),
    operator('map-2', { name: 'map' }),
    operator('filter'),
  ]
  expect(
    frame({ operators })
      .slice(4, 7)
      .map((line) => line.split(/ {2,}/)[0]),
  ).toEqual(['map (map-1)', 'map (map-2)', 'filter'])
})

test('says below everything else what the user is to know', () => {
  expect(frame({ notice: 'Taking a last checkpoint' }).at(-1)).toBe('Taking a last checkpoint')
})

describe('whatever the size of the terminal', () => {
  const operators = Array.from({ length: 30 }, (_, index) =>
    operator(`操作-${index}`, { numRecordsIn: index }),
  )
  const events: JobEvent[] = [
    completed(1),
    { type: 'status', atMs: 0, from: 'RUNNING', to: 'FAILING', cause: { message: 'x\n'.repeat(200) } },
    { type: 'checkpoint-failed', atMs: 0, checkpointId: 2, reason: 'expired', message: 'y'.repeat(300) },
  ]

  test.each([1, 5, 20, 37, 60, 80, 200])('%d columns are enough', (columns) => {
    for (const line of frame({ operators, events, columns, notice: 'z'.repeat(300) })) {
      expect(widthOf(line)).toBeLessThan(Math.max(2, columns))
    }
  })

  test.each([1, 2, 6, 9, 10, 12, 24, 60])('%d rows are enough', (rows) => {
    expect(frame({ operators, events, rows }).length).toBeLessThan(Math.max(2, rows))
  })

  test('operators that have no room are counted', () => {
    const lines = frame({ operators, rows: 14 })
    expect(lines.filter((line) => line.startsWith('操作'))).toHaveLength(7)
    expect(lines).toContain('… and 23 more')
  })
})
