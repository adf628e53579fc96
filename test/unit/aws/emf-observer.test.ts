import { describe, expect, it } from 'vitest'
import { EmfObserver } from '../../../lib/aws/emf-observer.ts'

function observer() {
  const lines: string[] = []
  const observe = new EmfObserver({
    job: 'word-count',
    stack: 'staging',
    line: (text) => lines.push(text),
    now: () => 1_700_000_000_000,
  })
  return { observe, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

const FIGURES = { alignmentMs: 1, durationMs: 250, bytes: 4096, fullBytes: 8192, records: 7 }

describe('EmfObserver.event', () => {
  it('writes one line of JSON at once, with time, level and job', () => {
    const { observe, lines, parsed } = observer()
    observe.event({ type: 'warning', message: 'two\nlines' })
    expect(lines[0]).not.toContain('\n')
    expect(parsed()).toEqual([
      {
        time: '2023-11-14T22:13:20.000Z',
        level: 'warn',
        job: 'word-count',
        type: 'warning',
        message: 'two\nlines',
      },
    ])
  })

  it('tells a job that FAILED as an error, with its cause, and what goes well as information', () => {
    const { observe, parsed } = observer()
    observe.event({ type: 'status', from: 'FAILING', to: 'FAILED', cause: { message: 'boom', key: '"k"' } })
    observe.event({ type: 'status', from: 'RUNNING', to: 'FAILING', cause: { message: 'boom' } })
    observe.event({ type: 'status', from: 'CREATED', to: 'RUNNING', cause: undefined })
    observe.event({ type: 'deployed', attempt: 2, restoredFrom: undefined })
    observe.event({ type: 'checkpoint-failed', checkpointId: 3, reason: 'expired', message: 'too late' })
    observe.event({ type: 'poison-message', messageId: 'm', reason: 'no envelope' })
    expect(parsed().map(({ level }) => level)).toEqual(['error', 'warn', 'info', 'info', 'warn', 'warn'])
    expect(parsed()[0]).toMatchObject({ cause: { message: 'boom', key: '"k"' } })
  })

  it('writes numbers that JSON lacks as text', () => {
    const { observe, parsed } = observer()
    const cause = { message: 'boom', timestampMs: -Infinity }
    observe.event({ type: 'status', from: 'RUNNING', to: 'FAILING', cause })
    expect(parsed()[0]).toMatchObject({ cause: { timestampMs: '-Infinity' } })
  })
})

describe('EmfObserver.metric', () => {
  it('adds counts up and gathers other values, and writes a line for the job and for each operator', () => {
    const { observe, lines, parsed } = observer()
    observe.metric('numRecordsIn', 3, 'Count', 'count')
    observe.metric('numRecordsIn', 4, 'Count', 'count')
    observe.metric('turnDuration', 10, 'Milliseconds', 'count')
    observe.metric('turnDuration', 30, 'Milliseconds', 'count')
    observe.metric('numberOfDeadLetters', 1, 'Count')
    observe.metric('currentWatermark', -Infinity, 'Milliseconds', 'count')
    expect(lines).toEqual([])
    observe.flush()
    expect(parsed()).toEqual([
      {
        _aws: {
          Timestamp: 1_700_000_000_000,
          CloudWatchMetrics: [
            {
              Namespace: 'Millrace',
              Dimensions: [['Stack', 'Job', 'Operator']],
              Metrics: [
                { Name: 'numRecordsIn', Unit: 'Count' },
                { Name: 'turnDuration', Unit: 'Milliseconds' },
              ],
            },
          ],
        },
        Stack: 'staging',
        Job: 'word-count',
        Operator: 'count',
        numRecordsIn: 7,
        turnDuration: [10, 30],
      },
      {
        _aws: {
          Timestamp: 1_700_000_000_000,
          CloudWatchMetrics: [
            {
              Namespace: 'Millrace',
              Dimensions: [['Stack', 'Job']],
              Metrics: [{ Name: 'numberOfDeadLetters', Unit: 'Count' }],
            },
          ],
        },
        Stack: 'staging',
        Job: 'word-count',
        numberOfDeadLetters: 1,
      },
    ])
    observe.flush()
    expect(lines).toHaveLength(2)
  })

  it('derives from what happens what the alarms look for', () => {
    const { observe, parsed } = observer()
    observe.event({
      type: 'checkpoint-completed',
      checkpointId: 1,
      location: 's3://b/chk-1',
      figures: FIGURES,
    })
    observe.event({ type: 'checkpoint-failed', checkpointId: 2, reason: 'expired', message: 'late' })
    observe.event({ type: 'status', from: 'FAILING', to: 'RESTARTING', cause: undefined })
    observe.event({ type: 'status', from: 'FAILING', to: 'FAILED', cause: undefined })
    observe.flush()
    expect(parsed().at(-1)).toMatchObject({
      Job: 'word-count',
      numberOfCompletedCheckpoints: 1,
      lastCheckpointDuration: 250,
      lastCheckpointSize: 4096,
      numberOfFailedCheckpoints: 1,
      numRestarts: 1,
      jobStatusFailed: 1,
    })
  })

  it('tells of a job that runs that it has not failed: nothing else ends the alarm', () => {
    const { observe, parsed } = observer()
    observe.event({ type: 'status', from: 'CREATED', to: 'RUNNING', cause: undefined })
    observe.flush()
    expect(parsed().at(-1)).toMatchObject({ Job: 'word-count', jobStatusFailed: 0 })
  })

  it('writes no more metrics, and no more values of one, in a line than CloudWatch takes', () => {
    const { observe, parsed } = observer()
    for (let value = 0; value < 250; value++) observe.metric('turnDuration', value, 'Milliseconds')
    for (let metric = 0; metric < 130; metric++) observe.metric(`m${metric}`, 1, 'Count')
    observe.flush()
    const all = parsed().flatMap(({ turnDuration }) => turnDuration ?? [])
    expect(all).toEqual(Array.from({ length: 250 }, (_, value) => value))
    const metrics = parsed().map(
      ({ _aws }) =>
        (_aws as { CloudWatchMetrics: [{ Metrics: unknown[] }] }).CloudWatchMetrics[0].Metrics.length,
    )
    expect(Math.max(...metrics)).toBeLessThanOrEqual(100)
    const values = parsed().map(({ turnDuration }) => [turnDuration ?? []].flat().length)
    expect(Math.max(...values)).toBe(100)
    const names = parsed().flatMap((line) => Object.keys(line).filter((name) => /^m\d/.test(name)))
    expect(names).toHaveLength(130)
  })
})
