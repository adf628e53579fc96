import { describe, expect, test } from 'vitest'

import { reportProblem, requestProblem } from '../../../../lib/serverless/coordinator/message-shapes.ts'
import type { JobRequest, TaskReport } from '../../../../lib/serverless/protocol.ts'

const requestId = 'r'
const OPERATOR = { uid: 'u', name: 'n', maxParallelism: 4, states: [], segments: [], operatorState: {} }
const FIGURES = { alignmentMs: 0, durationMs: 1, bytes: 2, fullBytes: 3, records: 4 }
const ACK = {
  watermarkMs: Number.NEGATIVE_INFINITY,
  finished: false,
  operators: [OPERATOR],
  figures: FIGURES,
  position: 7,
  active: true,
}

describe('a request to a job', () => {
  test.each<JobRequest>([
    { type: 'start', requestId, from: undefined, allowNonRestoredState: false },
    { type: 'start', requestId, from: 'latest', allowNonRestoredState: true },
    { type: 'trigger-savepoint', requestId, target: undefined },
    { type: 'trigger-checkpoint', requestId },
    { type: 'stop', requestId, target: 'here', drain: true },
    { type: 'cancel', requestId },
    { type: 'suspend', requestId },
    { type: 'dead-letter', requestId, actor: 'task:a#0', attempt: 2, reason: 'x' },
    { type: 'dead-letter', requestId, actor: 'task:a#0', reason: 'x' },
    { type: 'tick' },
    { type: 'visit' },
  ])('is taken: %j', (request) => {
    expect(requestProblem(request)).toBeUndefined()
  })

  test.each([
    [undefined, 'got undefined'],
    [null, 'got null'],
    ['start', 'got string'],
    [[], 'got object'],
    [{}, 'got data of another type'],
    [{ type: 'toString', requestId }, 'got data of another type'],
    [{ type: 'cancel' }, 'got a ‘cancel’ whose ‘requestId’ is not text'],
    [{ type: 'start', requestId, from: 42 }, 'got a ‘start’ whose ‘from’ is not text, or nothing'],
    [{ type: 'trigger-savepoint', requestId, target: 42 }, '‘target’ is not text, or nothing'],
    [{ type: 'stop', requestId, drain: 'yes' }, '‘drain’ is not true or false, or nothing'],
    [{ type: 'dead-letter', requestId, actor: 1, reason: 'x' }, '‘actor’ is not text'],
    [{ type: 'dead-letter', requestId, actor: 'a', reason: 'x', attempt: -1 }, '‘attempt’ is not a whole'],
  ])('is refused with what is wrong: %j', (payload, problem) => {
    expect(requestProblem(payload)).toMatch(/^Expected a request to a job/)
    expect(requestProblem(payload)).toContain(problem)
  })
})

describe('a report of a task', () => {
  test.each<TaskReport>([
    { type: 'ready' },
    { type: 'acknowledge', checkpointId: 1, ack: ACK },
    { type: 'decline', checkpointId: 1, reason: 'task-closing', message: 'x' },
    { type: 'failed', cause: { message: 'x' } },
    { type: 'failed', cause: { message: 'x' }, record: { operatorUid: 'u', hash: 'h' } },
    { type: 'input-ended' },
    { type: 'active' },
    { type: 'closed' },
    { type: 'materialized', position: 0 },
  ])('is taken: %j', (report) => {
    expect(reportProblem(report)).toBeUndefined()
  })

  test.each<readonly [unknown, string]>([
    [null, 'got null'],
    [{ type: 'restarted' }, 'got data of another type'],
    [{ type: 'failed' }, '‘cause’ is not a cause with a message'],
    [{ type: 'failed', cause: {} }, '‘cause’ is not a cause with a message'],
    [{ type: 'failed', cause: { message: 'x' }, record: 7 }, '‘record’ is not a record, or nothing'],
    [{ type: 'materialized' }, '‘position’ is not a whole number'],
    [{ type: 'decline', checkpointId: 1.5, reason: 'x', message: 'x' }, '‘checkpointId’ is not a whole'],
    ...[
      null,
      {},
      { ...ACK, operators: [null] },
      { ...ACK, operators: [{ ...OPERATOR, segments: undefined }] },
      { ...ACK, figures: { ...FIGURES, bytes: '2' } },
      { ...ACK, position: 'here' },
    ].map(
      (ack) => [{ type: 'acknowledge', checkpointId: 1, ack }, '‘ack’ is not an acknowledgement'] as const,
    ),
  ])('is refused with what is wrong: %j', (payload, problem) => {
    expect(reportProblem(payload)).toMatch(/^Expected a report of a task/)
    expect(reportProblem(payload)).toContain(problem)
  })
})
