import { describe, expect, it } from 'vitest'
import { assembleRecord } from '../../../lib/checkpoint/assemble-record.ts'
import type { PendingCheckpoint } from '../../../lib/checkpoint/coordinator-state.ts'
import { recordProblems } from '../../../lib/checkpoint/record-shape.ts'
import type { TaskAck } from '../../../lib/checkpoint/task-ack.ts'
import { asAttempt, asCheckpointId, type TaskId } from '../../../lib/model/ids.ts'
import { ACK, TASKS } from './coordinator-fixtures.ts'
import { handle } from './record-fixtures.ts'

const CONTEXT = { jobName: 'j', runId: 'r', planFingerprint: 'f', tasks: TASKS }

function ackOf(uid: string, watermarkMs: number, segments: readonly ReturnType<typeof handle>[]): TaskAck {
  return {
    ...ACK,
    watermarkMs,
    operators: [{ uid, name: uid, maxParallelism: 128, states: [], segments, operatorState: {} }],
  }
}

function pendingOf(acks: readonly TaskAck[]): PendingCheckpoint {
  const byTask = TASKS.map(({ task }, index): [TaskId, TaskAck] => [task, acks[index]!])
  return {
    checkpointId: asCheckpointId(4),
    attempt: asAttempt(2),
    kind: 'checkpoint',
    purpose: 'periodic',
    stopSources: false,
    requestId: undefined,
    target: undefined,
    triggeredAtMs: 10,
    deadlineMs: 99,
    overtakeAtMs: undefined,
    stage: 'storing',
    acks: Object.fromEntries(byTask),
    acknowledgedAtMs: 30,
  }
}

describe('a record made of acknowledgements', () => {
  const acks = [
    ackOf('source', 9, []),
    ackOf('count', 5, [handle('old', 0, 63), handle('a', 0, 63)]),
    ackOf('count', 3, [handle('old', 64, 127), handle('b', 64, 127)]),
  ]

  it('has the vertices with what each subtask had reached, and each operator over all its subtasks', () => {
    const record = assembleRecord(pendingOf(acks), CONTEXT)
    expect(recordProblems(record)).toEqual([])
    expect(record).toMatchObject({ checkpointId: 4, attempt: 2, triggeredAtMs: 10, completedAtMs: 30 })
    expect(record.vertices.map(({ id, subtasks }) => [id, subtasks.map((own) => own.watermarkMs)])).toEqual([
      ['source', [9]],
      ['count', [5, 3]],
    ])
  })

  it('keeps the order of age that each subtask gave its segments; one may be shared, each having its key groups', () => {
    const [, count] = assembleRecord(pendingOf(acks), CONTEXT).operators
    expect(count!.segments.map(({ blob, keyGroups }) => [blob, keyGroups.first])).toEqual([
      ['old', 0],
      ['a', 0],
      ['old', 64],
      ['b', 64],
    ])
  })

  it('follows from the acknowledgements alone, not from the order in which they came', () => {
    const pending = pendingOf(acks)
    const turned = { ...pending, acks: Object.fromEntries(Object.entries(pending.acks).toReversed()) }
    expect(assembleRecord(turned, CONTEXT)).toEqual(assembleRecord(pending, CONTEXT))
  })

  it('is not made where an acknowledgement is missing or subtasks differ', () => {
    expect(() => assembleRecord({ ...pendingOf(acks), acks: {} }, CONTEXT)).toThrow(
      'has the acknowledgement of source#0',
    )
    const differing = [acks[0]!, acks[1]!, ackOf('other', 1, [])]
    expect(() => assembleRecord(pendingOf(differing), CONTEXT)).toThrow('the same operators')
  })

  describe('of tasks that have logs', () => {
    const logged = acks.map((ack, index) => ({ ...ack, position: 5 + index }))

    it('says where its barrier is in each, whatever the order of the acknowledgements', () => {
      const pending = pendingOf(logged)
      const record = assembleRecord(pending, CONTEXT)
      expect(recordProblems(record)).toEqual([])
      const { logs } = record
      expect(Object.entries(logs!)).toEqual([
        ['source#0', { attempt: 2, position: 5 }],
        ['count#0', { attempt: 2, position: 6 }],
        ['count#1', { attempt: 2, position: 7 }],
      ])
      const turned = { ...pending, acks: Object.fromEntries(Object.entries(pending.acks).toReversed()) }
      expect(Object.keys(assembleRecord(turned, CONTEXT).logs!)).toEqual(Object.keys(logs!))
    })

    it('says nothing of them in a savepoint, which is whole by itself', () => {
      expect(assembleRecord({ ...pendingOf(logged), kind: 'savepoint' }, CONTEXT)).not.toHaveProperty('logs')
    })
  })
})
