import { describe, expect, it } from 'vitest'
import { asAttempt, asCheckpointId, taskId } from '../../../lib/model/ids.ts'
import { ACK, only, START, TASKS, TestCoordinator } from './coordinator-fixtures.ts'

const NONE = { type: 'none' } as const
const unlimited = { type: 'fixed-delay', attempts: Infinity, delayMs: 500 } as const

const retainedCheckpoint = (id: number) => ({
  checkpointId: asCheckpointId(id),
  kind: 'checkpoint' as const,
  location: `chk-${id}`,
  attempt: asAttempt(1),
  purpose: 'periodic' as const,
  triggeredAtMs: 0,
  completedAtMs: 0,
  figures: { alignmentMs: 0, durationMs: 0, bytes: 0, fullBytes: 0, records: 0 },
})

describe('periodic checkpoints', () => {
  it('come one interval after RUNNING, and again one interval later', () => {
    const job = TestCoordinator.running()
    expect(only(job.log, 'wake-at')).toEqual([{ type: 'wake-at', atMs: 11_000 }])
    expect(only(job.after(999), 'trigger')).toEqual([])
    expect(only(job.after(1), 'trigger')).toMatchObject([
      { checkpointId: 1, kind: 'checkpoint', stopSources: false },
    ])
    job.complete(1)
    expect(only(job.after(999), 'trigger')).toEqual([])
    expect(only(job.after(1), 'trigger')).toMatchObject([{ checkpointId: 2 }])
  })

  it('are stored when all tasks acknowledged, and complete when stored', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    expect(job.acknowledge(1, TASKS[0]!.task)).toEqual([])
    expect(job.acknowledge(1, TASKS[1]!.task)).toEqual([])
    const [store] = only(job.acknowledge(1, TASKS[2]!.task), 'store')
    expect(Object.keys(store!.pending.acks)).toHaveLength(3)
    expect(only(job.stored(1), 'notify-complete')).toEqual([
      { type: 'notify-complete', attempt: 1, checkpointId: 1 },
    ])
    expect(job.state.completed[0]!.figures).toEqual({
      alignmentMs: 2,
      durationMs: 0,
      bytes: 30,
      fullBytes: 60,
      records: 12,
    })
  })

  it('wait for the minimum pause, counted from the last completion', () => {
    const job = TestCoordinator.running({ minPauseMs: 700 })
    job.after(1_000)
    job.nowMs += 900
    job.complete(1)
    expect(only(job.log, 'wake-at').at(-1)).toEqual({ type: 'wake-at', atMs: job.nowMs + 700 })
    expect(only(job.after(699), 'trigger')).toEqual([])
    expect(only(job.after(1), 'trigger')).toHaveLength(1)
  })

  it('wait for a slot, and take it at once', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    expect(only(job.after(5_000), 'trigger')).toEqual([])
    job.acknowledgeAll(1)
    expect(only(job.stored(1), 'trigger')).toMatchObject([{ checkpointId: 2 }])
  })

  it('overlap up to the number allowed; a completing one gives up those before it', () => {
    const job = TestCoordinator.running({ maxConcurrent: 2 })
    job.after(1_000)
    job.after(1_000)
    expect(only(job.after(1_000), 'trigger')).toEqual([])
    expect(only(job.complete(2), 'notify-aborted')).toMatchObject([{ checkpointId: 1, reason: 'subsumed' }])
    expect(
      job.outcome({
        type: 'acknowledge',
        attempt: asAttempt(1),
        checkpointId: asCheckpointId(1),
        task: TASKS[0]!.task,
        ack: ACK,
      }),
    ).toBe('unknown-checkpoint')
  })

  it('are off without an interval', () => {
    const job = TestCoordinator.running({ intervalMs: undefined })
    expect(only(job.after(1e9), 'trigger')).toEqual([])
    expect(only(job.log, 'wake-at')).toEqual([])
  })

  it('retain as many as configured, and discard the oldest', () => {
    const job = TestCoordinator.running({ numRetained: 2 })
    for (const id of [1, 2, 3]) {
      job.after(1_000)
      job.complete(id)
    }
    expect(only(job.log, 'discard')).toEqual([{ type: 'discard', checkpointId: 1 }])
    expect(job.state.completed.map((one) => one.checkpointId)).toEqual([2, 3])
  })
})

describe('a checkpoint that fails', () => {
  it('by timeout is aborted, never completes late, and fails the job where none is tolerated', () => {
    const job = TestCoordinator.running({ timeoutMs: 300 })
    job.after(1_000)
    const commands = job.after(300)
    expect(only(commands, 'notify-aborted')).toMatchObject([{ checkpointId: 1, reason: 'expired' }])
    expect(only(commands, 'status')).toMatchObject([
      {
        to: 'FAILING',
        cause: {
          message:
            '1 checkpoint failed; 0 are tolerated (execution.checkpointing.tolerable-failed-checkpoints)',
        },
      },
    ])
  })

  it.each([1, 2, 10])('in a row more often than the %i tolerated fails the job', (tolerableFailures) => {
    const job = TestCoordinator.running({ timeoutMs: 300, intervalMs: 1_000, tolerableFailures })
    for (let failure = 1; failure <= tolerableFailures; failure++) {
      job.after(1_000)
      job.after(300)
      expect(job.state.status).toBe('RUNNING')
    }
    job.after(1_000)
    job.after(300)
    expect(job.state.status).toBe('FAILING')
  })

  it('is forgiven by the next success', () => {
    const job = TestCoordinator.running({ timeoutMs: 300, tolerableFailures: 1 })
    for (let round = 1; round <= 5; round++) {
      job.after(1_000)
      job.after(300)
      job.after(700)
      job.complete(2 * round)
      expect(job.state.consecutiveFailures).toBe(0)
    }
  })

  it('is declined by one task; not being ready does not count', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    const decline = {
      type: 'decline',
      attempt: asAttempt(1),
      task: TASKS[1]!.task,
      message: 'opening',
    } as const
    job.send({ ...decline, checkpointId: asCheckpointId(1), reason: 'task-not-ready' })
    expect(job.state.status).toBe('RUNNING')
    job.after(1_000)
    job.send({ ...decline, checkpointId: asCheckpointId(2), reason: 'task-error' })
    expect(job.state.status).toBe('FAILING')
  })

  it('because its record was not stored is cleared away and counts', () => {
    const job = TestCoordinator.running({ tolerableFailures: 1 })
    job.after(1_000)
    job.acknowledgeAll(1)
    const commands = job.send({ type: 'store-failed', checkpointId: asCheckpointId(1), message: 'disk full' })
    expect(only(commands, 'notify-aborted')).toMatchObject([{ reason: 'store-failed', message: 'disk full' }])
    expect(only(commands, 'discard')).toEqual([{ type: 'discard', checkpointId: 1 }])
    expect(job.state.consecutiveFailures).toBe(1)
  })

  it('does not expire once its record is being written', () => {
    const job = TestCoordinator.running({ timeoutMs: 300 })
    job.after(1_000)
    job.acknowledgeAll(1)
    job.after(10_000)
    expect(only(job.stored(1), 'notify-complete')).toHaveLength(1)
  })
})

describe('savepoints', () => {
  it('heed neither pause nor slots, and answer with what was stored', () => {
    const job = TestCoordinator.running({ minPauseMs: 60_000 })
    job.after(1_000)
    const commands = job.send({ type: 'trigger-savepoint', requestId: 'r', target: 'here' })
    expect(only(commands, 'trigger')).toMatchObject([{ checkpointId: 2, kind: 'savepoint' }])
    expect(only(job.complete(2), 'answer')).toMatchObject([
      {
        requestId: 'r',
        outcome: { type: 'completed', checkpoint: { location: 'chk-2', kind: 'savepoint' } },
      },
    ])
  })

  it('commit nothing, give up nothing, and are not retained', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    job.send({ type: 'trigger-savepoint', requestId: 'r', target: undefined })
    const commands = job.complete(2)
    expect(only(commands, 'notify-complete')).toEqual([])
    expect(only(commands, 'notify-aborted')).toEqual([])
    expect(job.state.completed).toEqual([])
  })

  it('keep checkpoints that they may be copied from', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    job.complete(1)
    job.send({ type: 'trigger-savepoint', requestId: 'r', target: undefined })
    job.acknowledgeAll(2)
    job.after(1_000)
    expect(only(job.complete(3), 'discard')).toEqual([])
    expect(only(job.stored(2), 'discard')).toEqual([{ type: 'discard', checkpointId: 1 }])
  })

  it('do not fail the job', () => {
    const job = TestCoordinator.running({ timeoutMs: 300, intervalMs: undefined })
    job.send({ type: 'trigger-savepoint', requestId: 'r', target: undefined })
    expect(only(job.after(300), 'answer')).toMatchObject([{ outcome: { type: 'failed', reason: 'expired' } }])
    expect(job.state.status).toBe('RUNNING')
  })

  it.each([
    [false, 2],
    [true, 1],
  ])(
    'newer than the last checkpoint serve recovery unless checkpoints are preferred (%s)',
    (prefer, expected) => {
      const job = TestCoordinator.running({ preferCheckpointForRecovery: prefer })
      job.after(1_000)
      job.complete(1)
      job.send({ type: 'trigger-savepoint', requestId: 'r', target: undefined })
      job.complete(2)
      job.failTask()
      job.tornDown()
      expect(only(job.after(500), 'deploy')).toMatchObject([
        { attempt: 2, restoreFrom: { checkpointId: expected } },
      ])
    },
  )

  it('are refused while the job does not run', () => {
    const job = TestCoordinator.running()
    job.failTask()
    expect(
      only(job.send({ type: 'trigger-savepoint', requestId: 'r', target: undefined }), 'answer'),
    ).toEqual([
      {
        type: 'answer',
        requestId: 'r',
        outcome: { type: 'refused', message: 'the job is FAILING, not RUNNING' },
      },
    ])
  })
})

describe('a failure', () => {
  it('tears the attempt down, waits the delay, and starts the next from the last checkpoint', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    job.complete(1)
    job.after(1_000)
    const commands = job.failTask('bug')
    expect(commands.map((command) => command.type)).toEqual([
      'notify-aborted',
      'status',
      'tear-down',
      'wake-at',
    ])
    expect(only(job.tornDown(), 'status')).toMatchObject([{ to: 'RESTARTING', cause: { message: 'bug' } }])
    expect(only(job.after(499), 'deploy')).toEqual([])
    expect(only(job.after(1), 'deploy')).toEqual([
      {
        type: 'deploy',
        attempt: 2,
        restoreFrom: { checkpointId: 1, kind: 'checkpoint', location: 'chk-1' },
        poisonRecords: [],
      },
    ])
    job.send({ type: 'deployed', attempt: asAttempt(2) })
    expect(job.state.status).toBe('RUNNING')
    expect(only(job.after(1_000), 'trigger')).toMatchObject([{ checkpointId: 3, attempt: 2 }])
  })

  it('waits for a record being written, and starts from it', () => {
    const job = TestCoordinator.running({}, { type: 'fixed-delay', attempts: 1, delayMs: 0 })
    job.after(1_000)
    job.acknowledgeAll(1)
    job.failTask()
    expect(only(job.tornDown(), 'deploy')).toEqual([])
    const commands = job.stored(1)
    expect(only(commands, 'notify-complete')).toEqual([])
    expect(only(commands, 'deploy')).toMatchObject([{ restoreFrom: { checkpointId: 1 } }])
  })

  it('does not count a record that could not be written after it against the next attempt', () => {
    const job = TestCoordinator.running({}, { type: 'fixed-delay', attempts: 1, delayMs: 0 })
    job.after(1_000)
    job.acknowledgeAll(1)
    job.failTask()
    job.tornDown()
    job.send({ type: 'store-failed', checkpointId: asCheckpointId(1), message: 'full' })
    job.send({ type: 'deployed', attempt: asAttempt(2) })
    expect(job.state.status).toBe('RUNNING')
  })

  it('before any checkpoint starts from where the run began', () => {
    const restoreFrom = { checkpointId: asCheckpointId(70), kind: 'savepoint', location: 'sp' } as const
    const job = TestCoordinator.running({}, unlimited, { restoreFrom })
    expect(only(job.log, 'deploy')).toMatchObject([{ restoreFrom }])
    job.failTask()
    job.tornDown()
    expect(only(job.after(500), 'deploy')).toMatchObject([{ attempt: 2, restoreFrom }])
  })

  it('goes back to the older checkpoint that the run was started from, not to a newer one that it was not', () => {
    const job = TestCoordinator.running({ numRetained: 3 }, unlimited, {
      restoreFrom: retainedCheckpoint(6),
      retained: [retainedCheckpoint(6), retainedCheckpoint(7)],
      nextCheckpointId: asCheckpointId(9),
    })
    job.failTask()
    job.tornDown()
    expect(only(job.after(500), 'deploy')).toMatchObject([{ restoreFrom: { checkpointId: 6 } }])
  })

  it('too many ends the job as FAILED with its whole cause, and keeps the last checkpoint', () => {
    const job = TestCoordinator.running({}, { type: 'fixed-delay', attempts: 2, delayMs: 3_000 })
    job.after(1_000)
    job.complete(1)
    for (let attempt = 2; attempt <= 3; attempt++) {
      job.failTask()
      job.tornDown()
      job.after(3_000)
      job.send({ type: 'deployed', attempt: asAttempt(attempt) })
    }
    job.failTask('third')
    const commands = job.tornDown()
    expect(only(commands, 'status')).toMatchObject([
      {
        to: 'FAILED',
        cause: {
          message: 'third',
          operatorUid: 'count',
          key: '"a"',
          notRestartedBecause: 'fixed-delay: all 2 restarts are used up',
        },
      },
    ])
    expect(only(commands, 'discard')).toEqual([])
    expect(job.state.completed).toHaveLength(1)
  })

  it('is heard once for each attempt', () => {
    const job = TestCoordinator.running()
    job.failTask()
    const task = TASKS[0]!.task
    expect(
      job.outcome({ type: 'task-failed', attempt: asAttempt(1), task, cause: { message: 'echo' } }),
    ).toBe('not-applicable')
    expect(job.outcome({ type: 'task-failed', attempt: asAttempt(0), task, cause: { message: 'old' } })).toBe(
      'stale-attempt',
    )
  })

  it('while deploying counts as well', () => {
    const job = new TestCoordinator({}, NONE)
    job.send(START)
    job.failTask('no such file')
    expect(only(job.tornDown(), 'status')).toMatchObject([{ from: 'FAILING', to: 'FAILED' }])
  })
})

describe('the end of all inputs', () => {
  it('takes one last checkpoint at once, commits it, closes the tasks, and keeps nothing', () => {
    const job = TestCoordinator.running({ minPauseMs: 60_000, retentionOnCancel: 'retain' })
    expect(only(job.endInputs(), 'trigger')).toMatchObject([{ checkpointId: 1 }])
    const commands = job.complete(1).map((command) => command.type)
    expect(commands).toEqual(['store', 'notify-complete', 'finish-tasks'])
    expect(job.tornDown()).toMatchObject([
      { type: 'status', from: 'RUNNING', to: 'FINISHED' },
      { type: 'discard', checkpointId: 1 },
    ])
  })

  it('needs no checkpoint where checkpointing is off and no sink has transactions', () => {
    const job = TestCoordinator.running({ intervalMs: undefined })
    expect(only(job.endInputs(), 'finish-tasks')).toHaveLength(1)
  })

  it('takes one without checkpointing for a sink with transactions', () => {
    const job = TestCoordinator.running({ intervalMs: undefined }, unlimited, { needsFinalCommit: true })
    expect(only(job.endInputs(), 'trigger')).toHaveLength(1)
  })

  it('tries the last checkpoint again, within the tolerable number', () => {
    const job = TestCoordinator.running({ tolerableFailures: 1 })
    job.endInputs()
    job.acknowledgeAll(1)
    job.send({ type: 'store-failed', checkpointId: asCheckpointId(1), message: 'full' })
    expect(only(job.after(999), 'trigger')).toEqual([])
    expect(only(job.after(1), 'trigger')).toMatchObject([{ checkpointId: 2 }])
    job.acknowledgeAll(2)
    job.send({ type: 'store-failed', checkpointId: asCheckpointId(2), message: 'full' })
    expect(job.state.status).toBe('FAILING')
  })

  it('may come before the attempt is known to run', () => {
    const job = new TestCoordinator()
    job.send(START)
    job.endInputs()
    expect(only(job.send({ type: 'deployed', attempt: asAttempt(1) }), 'trigger')).toHaveLength(1)
  })

  it('is forgotten by a restart, which starts from the final checkpoint if that was complete', () => {
    const job = TestCoordinator.running()
    job.endInputs()
    job.complete(1)
    job.failTask('closing')
    job.tornDown()
    expect(only(job.after(500), 'deploy')).toMatchObject([{ restoreFrom: { checkpointId: 1 } }])
    job.send({ type: 'deployed', attempt: asAttempt(2) })
    expect(job.state.endedTasks).toEqual([])
  })
})

const stop = (drain: boolean) => ({ type: 'stop', requestId: 'r', target: 'sp', drain }) as const

describe('stop with a savepoint', () => {
  it('stops sources at the barrier, then commits, finishes, and answers', () => {
    const job = TestCoordinator.running({ preferCheckpointForRecovery: true })
    expect(only(job.send(stop(true)), 'trigger')).toMatchObject([
      { kind: 'savepoint', stopSources: true, drain: true },
    ])
    expect(only(job.after(5_000), 'trigger')).toEqual([])
    const commands = job.complete(1).map((command) => command.type)
    expect(commands).toEqual(['store', 'notify-complete', 'finish-tasks'])
    expect(only(job.tornDown(), 'answer')).toMatchObject([
      { outcome: { type: 'completed', checkpoint: { location: 'chk-1' } } },
    ])
    expect(job.state.status).toBe('FINISHED')
  })

  it('that fails leaves the job running and checkpointing', () => {
    const job = TestCoordinator.running({ timeoutMs: 300 })
    job.send(stop(false))
    const commands = job.after(300)
    expect(only(commands, 'answer')).toMatchObject([{ outcome: { type: 'failed', reason: 'expired' } }])
    expect(job.state.status).toBe('RUNNING')
    expect(only(job.after(700), 'trigger')).toHaveLength(1)
  })

  it('that fails after draining restarts the job: event time has ended', () => {
    const job = TestCoordinator.running({ timeoutMs: 300 })
    job.send(stop(true))
    job.after(300)
    expect(job.state.status).toBe('FAILING')
  })

  it('that was suspended after draining takes no checkpoint in which event time has ended', () => {
    const job = TestCoordinator.running()
    job.send(stop(true))
    const commands = job.send({ type: 'suspend' })
    expect(only(commands, 'trigger')).toEqual([])
    expect(only(commands, 'tear-down')).toHaveLength(1)
  })

  it('that cannot close its tasks recovers from its savepoint, whatever is preferred: it is committed', () => {
    const job = TestCoordinator.running({ preferCheckpointForRecovery: true })
    job.after(1_000)
    job.complete(1)
    job.send(stop(false))
    job.complete(2)
    const commands = job.failTask('closing')
    expect(only(commands, 'answer')).toMatchObject([
      { outcome: { type: 'failed', message: 'closing; its savepoint is at chk-2' } },
    ])
    job.tornDown()
    expect(only(job.after(500), 'deploy')).toMatchObject([
      { restoreFrom: { checkpointId: 2, kind: 'savepoint' } },
    ])
  })

  it('that cannot close its tasks after draining ends once it has recovered: event time has ended', () => {
    const job = TestCoordinator.running()
    job.send(stop(true))
    job.complete(1)
    job.failTask('closing')
    job.tornDown()
    expect(only(job.after(500), 'deploy')).toMatchObject([{ restoreFrom: { checkpointId: 1 } }])
    expect(only(job.send({ type: 'deployed', attempt: asAttempt(2) }), 'finish-tasks')).toHaveLength(1)
    expect(only(job.tornDown(), 'answer')).toEqual([])
    expect(job.state.status).toBe('FINISHED')
  })

  it('whose savepoint is stored after the job failed is not what the job goes on from', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    job.complete(1)
    job.send(stop(true))
    job.acknowledgeAll(2)
    job.failTask()
    job.tornDown()
    job.stored(2)
    expect(only(job.after(500), 'deploy')).toMatchObject([{ restoreFrom: { checkpointId: 1 } }])
    job.send({ type: 'deployed', attempt: asAttempt(2) })
    expect(job.state).toMatchObject({ status: 'RUNNING', ending: undefined })
  })

  it('that was committed is not gone behind, however many savepoints follow', () => {
    const job = TestCoordinator.running({ preferCheckpointForRecovery: true, intervalMs: undefined })
    job.send(stop(false))
    job.complete(1)
    job.failTask('closing')
    job.tornDown()
    job.after(500)
    job.send({ type: 'deployed', attempt: asAttempt(2) })
    job.send({ type: 'trigger-savepoint', requestId: 'later', target: undefined })
    job.complete(2)
    job.failTask()
    job.tornDown()
    expect(only(job.after(500), 'deploy')).toMatchObject([{ attempt: 3, restoreFrom: { checkpointId: 1 } }])
  })

  it('answers requests that still waited for a slot', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    job.send({ type: 'trigger-checkpoint', requestId: 'manual' })
    job.send(stop(false))
    expect(only(job.complete(2), 'answer')).toMatchObject([
      { requestId: 'manual', outcome: { reason: 'job-stopping' } },
    ])
  })
})

describe('suspend', () => {
  it('takes a last checkpoint at which sources stop, and keeps it', () => {
    const job = TestCoordinator.running({ retentionOnCancel: 'delete' })
    expect(only(job.send({ type: 'suspend' }), 'trigger')).toMatchObject([
      { kind: 'checkpoint', stopSources: true },
    ])
    expect(only(job.complete(1), 'tear-down')).toHaveLength(1)
    expect(job.tornDown().map((command) => command.type)).toEqual(['status'])
    expect(job.state.status).toBe('SUSPENDED')
    expect(job.state.completed).toHaveLength(1)
  })

  it('tears down at once where checkpointing is off', () => {
    const job = TestCoordinator.running({ intervalMs: undefined })
    expect(only(job.send({ type: 'suspend' }), 'tear-down')).toHaveLength(1)
  })

  it('goes without a checkpoint that fails, and without waiting when asked twice', () => {
    const late = TestCoordinator.running({ timeoutMs: 300 })
    late.send({ type: 'suspend' })
    expect(only(late.after(300), 'tear-down')).toHaveLength(1)
    const twice = TestCoordinator.running()
    twice.send({ type: 'suspend' })
    expect(only(twice.send({ type: 'suspend' }), 'tear-down')).toHaveLength(1)
    expect(twice.outcome({ type: 'suspend' })).toBe('duplicate')
  })

  it('wins over a failure, and over a restart that waits', () => {
    const failing = TestCoordinator.running()
    failing.send({ type: 'suspend' })
    failing.failTask()
    failing.tornDown()
    expect(failing.state.status).toBe('SUSPENDED')
    const waiting = TestCoordinator.running()
    waiting.failTask()
    waiting.tornDown()
    waiting.send({ type: 'suspend' })
    expect(waiting.state.status).toBe('SUSPENDED')
  })
})

it('a failure that a restart has mended is no cause of what comes later', () => {
  const job = TestCoordinator.running({ intervalMs: undefined }, unlimited)
  job.failTask()
  job.tornDown()
  job.after(500)
  job.send({ type: 'deployed', attempt: job.state.attempt })
  job.send({ type: 'suspend' })
  expect(only(job.tornDown(), 'status')).toMatchObject([{ to: 'SUSPENDED', cause: undefined }])
})

describe('cancel', () => {
  it.each([
    ['delete', [1]],
    ['retain', []],
  ] as const)('ends the job; checkpoints: %s', (retentionOnCancel, discarded) => {
    const job = TestCoordinator.running({ retentionOnCancel })
    job.after(1_000)
    job.complete(1)
    job.after(1_000)
    expect(only(job.send({ type: 'cancel' }), 'notify-aborted')).toMatchObject([{ reason: 'job-cancelled' }])
    expect(only(job.tornDown(), 'discard').map((command) => command.checkpointId)).toEqual(discarded)
    expect(job.state.status).toBe('CANCELED')
  })

  it('while a restart waits ends it without another attempt', () => {
    const job = TestCoordinator.running()
    job.failTask()
    job.tornDown()
    job.send({ type: 'cancel' })
    expect(job.state.status).toBe('CANCELED')
    expect(only(job.after(5_000), 'deploy')).toEqual([])
  })
})

describe('what does not fit', () => {
  it.each([
    ['a second start', START, 'duplicate'],
    [
      'an acknowledgement of nobody',
      {
        type: 'acknowledge',
        attempt: asAttempt(1),
        checkpointId: asCheckpointId(1),
        task: taskId('x', 0),
        ack: ACK,
      },
      'unknown-task',
    ],
    ['an older attempt', { type: 'torn-down', attempt: asAttempt(0) }, 'stale-attempt'],
    ['a later attempt', { type: 'deployed', attempt: asAttempt(2) }, 'stale-attempt'],
    ['a teardown that nobody ordered', { type: 'torn-down', attempt: asAttempt(1) }, 'not-applicable'],
    [
      'a record that nobody wrote',
      { type: 'stored', checkpointId: asCheckpointId(1), location: 'x' },
      'unknown-checkpoint',
    ],
    ['a second deployed', { type: 'deployed', attempt: asAttempt(1) }, 'duplicate'],
  ] as const)('%s is named and changes nothing', (_, event, outcome) => {
    const job = TestCoordinator.running()
    job.after(1_000)
    const before = job.state
    expect(job.outcome(event)).toBe(outcome)
    expect(job.state).toBe(before)
    expect(job.last!.commands).toEqual([])
  })

  it('an acknowledgement that came before is a duplicate', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    job.acknowledge(1, TASKS[0]!.task)
    job.acknowledge(1, TASKS[0]!.task)
    expect(job.last!.outcome).toBe('duplicate')
  })
})

const nobody = (): boolean => false

describe('an idle job', () => {
  const QUIET = { ...ACK, active: false }
  const pauseWhenIdle = true

  function idling(): TestCoordinator {
    const job = new TestCoordinator()
    job.state = { ...job.state, settings: { ...job.state.settings, pauseWhenIdle } }
    job.send(START)
    job.send({ type: 'deployed', attempt: job.state.attempt })
    return job
  }

  function complete(job: TestCoordinator, id: number, active: (task: string) => boolean): void {
    const checkpointId = asCheckpointId(id)
    for (const { task } of TASKS) {
      const ack = { ...QUIET, active: active(task) }
      job.send({ type: 'acknowledge', attempt: job.state.attempt, checkpointId, task, ack })
    }
    job.stored(id)
  }

  it('is one whose last completed checkpoint found that no task did anything: it triggers no more', () => {
    const job = idling()
    job.after(1_000)
    complete(job, 1, (task) => task === 'count#1')
    expect(job.state.idle).toBe(false)
    job.after(1_000)
    complete(job, 2, nobody)
    expect(job.state).toMatchObject({ idle: true, wakeAtMs: undefined })
    expect(only(job.after(60_000), 'trigger')).toEqual([])
  })

  it('takes one checkpoint when somebody looks after a week, for which nobody is woken', () => {
    const job = idling()
    job.after(1_000)
    complete(job, 1, nobody)
    expect(only(job.after(5 * 24 * 3_600_000), 'trigger')).toEqual([])
    expect(job.state.wakeAtMs).toBeUndefined()
    expect(only(job.after(24 * 3_600_000), 'trigger')).toHaveLength(1)
    complete(job, 2, nobody)
    expect(job.state).toMatchObject({ idle: true, wakeAtMs: undefined })
    expect(only(job.after(60_000), 'trigger')).toEqual([])
  })

  it('wakes with the first task that does something, and triggers one interval later', () => {
    const job = idling()
    job.after(1_000)
    complete(job, 1, nobody)
    job.after(60_000)
    const { attempt } = job.state
    expect(job.outcome({ type: 'active', attempt, task: TASKS[1]!.task })).toBe('accepted')
    expect(job.outcome({ type: 'active', attempt, task: TASKS[1]!.task })).toBe('duplicate')
    expect(job.state.wakeAtMs).toBe(job.nowMs + 1_000)
    expect(only(job.after(1_000), 'trigger')).toHaveLength(1)
  })

  it('is none while a checkpoint that found nothing done is not complete, nor if a task began meanwhile', () => {
    const job = idling()
    job.after(1_000)
    const { attempt } = job.state
    for (const { task } of TASKS) {
      job.send({ type: 'acknowledge', attempt, checkpointId: asCheckpointId(1), task, ack: QUIET })
    }
    expect(job.state.idle).toBe(false)
    job.send({ type: 'active', attempt, task: TASKS[0]!.task })
    job.stored(1)
    expect(job.state.idle).toBe(false)
  })

  it('takes a checkpoint when one is asked for, and is idle after it', () => {
    const job = idling()
    job.after(1_000)
    complete(job, 1, nobody)
    expect(only(job.send({ type: 'trigger-checkpoint', requestId: 'r' }), 'trigger')).toHaveLength(1)
    complete(job, 2, nobody)
    expect(job.state.idle).toBe(true)
  })

  it('is one whose tasks are known to rest, until one of them begins to do something', () => {
    const job = idling()
    const { attempt } = job.state
    expect(job.outcome({ type: 'quiescent', attempt })).toBe('accepted')
    expect(job.outcome({ type: 'quiescent', attempt })).toBe('duplicate')
    expect(job.state.idle).toBe(true)
    expect(job.outcome({ type: 'active', attempt, task: TASKS[0]!.task })).toBe('accepted')
    expect(job.state.idle).toBe(false)
  })

  it('is not idle once it was restarted', () => {
    const job = idling()
    job.after(1_000)
    complete(job, 1, nobody)
    job.failTask()
    job.tornDown()
    job.after(500)
    job.send({ type: 'deployed', attempt: job.state.attempt })
    expect(job.state).toMatchObject({ idle: false, quietTasks: [] })
    expect(only(job.after(1_000), 'trigger')).toHaveLength(1)
  })

  it('is none where nobody asked for it, whatever acknowledgements say', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    complete(job, 1, nobody)
    expect(job.state).toMatchObject({ idle: false, quietTasks: [] })
  })
})

describe('a completed checkpoint', () => {
  it('knows where its barrier is in the logs of tasks, where they have any', () => {
    const job = TestCoordinator.running()
    job.after(1_000)
    const { attempt } = job.state
    for (const [index, { task }] of TASKS.entries()) {
      const ack = { ...ACK, position: 10 + index }
      job.send({ type: 'acknowledge', attempt, checkpointId: asCheckpointId(1), task, ack })
    }
    job.stored(1)
    expect(job.state.completed[0]!.logs).toEqual({
      'source#0': { attempt: 1, position: 10 },
      'count#0': { attempt: 1, position: 11 },
      'count#1': { attempt: 1, position: 12 },
    })
    job.after(1_000)
    job.complete(2)
    expect(job.state.completed[0]!.logs).toBeUndefined()
  })
})
