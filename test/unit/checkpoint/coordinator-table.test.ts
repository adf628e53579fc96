import { describe, expect, it } from 'vitest'
import type { CoordinatorEvent, EventOutcome } from '../../../lib/checkpoint/coordinator-events.ts'
import type { JobStatus } from '../../../lib/checkpoint/job-status.ts'
import { asCheckpointId, type Attempt } from '../../../lib/model/ids.ts'
import { ACK, START, TASKS, TestCoordinator } from './coordinator-fixtures.ts'

const TASK = TASKS[0]!.task
const CHECKPOINT = asCheckpointId(1)

/** A job in which checkpoint 1 is under way. */
function running(): TestCoordinator {
  const job = TestCoordinator.running()
  job.after(1_000)
  return job
}

function started(): TestCoordinator {
  const job = new TestCoordinator()
  job.send(START)
  return job
}

/** `from` after these steps. */
function after(from: () => TestCoordinator, ...steps: readonly ((job: TestCoordinator) => unknown)[]) {
  const job = from()
  for (const step of steps) step(job)
  return job
}

const fail = (job: TestCoordinator) => job.failTask()
const tornDown = (job: TestCoordinator) => job.tornDown()
const cancel = (job: TestCoordinator) => job.send({ type: 'cancel' })
const wait = (job: TestCoordinator) => job.after(500)

const MAKE: readonly (readonly [string, () => TestCoordinator])[] = [
  ['CREATED', started],
  ['RUNNING', running],
  ['FAILING', () => after(running, fail)],
  ['RESTARTING', () => after(running, fail, tornDown)],
  ['RESTARTING, being deployed', () => after(running, fail, tornDown, wait)],
  ['CANCELLING', () => after(running, cancel)],
  ['CANCELED', () => after(running, cancel, tornDown)],
]

const EVENTS: Readonly<Record<CoordinatorEvent['type'], (attempt: Attempt) => CoordinatorEvent>> = {
  start: () => START,
  deployed: (attempt) => ({ type: 'deployed', attempt }),
  tick: () => ({ type: 'tick' }),
  acknowledge: (attempt) => ({
    type: 'acknowledge',
    attempt,
    checkpointId: CHECKPOINT,
    task: TASK,
    ack: ACK,
  }),
  decline: (attempt) => ({
    type: 'decline',
    attempt,
    checkpointId: CHECKPOINT,
    task: TASK,
    reason: 'task-not-ready',
    message: '',
  }),
  stored: () => ({ type: 'stored', checkpointId: CHECKPOINT, location: 'x' }),
  'store-failed': () => ({ type: 'store-failed', checkpointId: CHECKPOINT, message: '' }),
  'task-failed': (attempt) => ({ type: 'task-failed', attempt, task: TASK, cause: { message: '' } }),
  'input-ended': (attempt) => ({ type: 'input-ended', attempt, task: TASK }),
  active: (attempt) => ({ type: 'active', attempt, task: TASK }),
  quiescent: (attempt) => ({ type: 'quiescent', attempt }),
  'trigger-savepoint': () => ({ type: 'trigger-savepoint', requestId: 'r', target: undefined }),
  'trigger-checkpoint': () => ({ type: 'trigger-checkpoint', requestId: 'r' }),
  stop: () => ({ type: 'stop', requestId: 'r', target: undefined, drain: false }),
  suspend: () => ({ type: 'suspend' }),
  cancel: () => ({ type: 'cancel' }),
  'torn-down': (attempt) => ({ type: 'torn-down', attempt }),
}

const none = 'not-applicable'
const gone = 'unknown-checkpoint'
const again = 'duplicate'

/** The status after an event that is accepted, or else its outcome. In the order of MAKE. */
const TABLE: Readonly<Record<CoordinatorEvent['type'], readonly (JobStatus | EventOutcome)[]>> = {
  start: [again, again, again, again, again, again, again],
  deployed: ['RUNNING', again, none, none, 'RUNNING', none, none],
  tick: ['CREATED', 'RUNNING', 'FAILING', 'RESTARTING', 'RESTARTING', 'CANCELLING', none],
  acknowledge: [gone, 'RUNNING', gone, gone, gone, gone, none],
  decline: [gone, 'RUNNING', gone, gone, gone, gone, none],
  stored: [gone, gone, gone, gone, gone, gone, none],
  'store-failed': [gone, gone, gone, gone, gone, gone, none],
  'task-failed': ['FAILING', 'FAILING', none, none, 'FAILING', none, none],
  'input-ended': ['CREATED', 'RUNNING', none, none, 'RESTARTING', none, none],
  // Nobody has said that this task is quiet.
  active: [again, again, none, none, again, none, none],
  // One process has no use for it.
  quiescent: [none, none, none, none, none, none, none],
  'trigger-savepoint': [none, 'RUNNING', none, none, none, none, none],
  'trigger-checkpoint': [none, 'RUNNING', none, none, none, none, none],
  stop: [none, 'RUNNING', none, none, none, none, none],
  suspend: ['CREATED', 'RUNNING', 'FAILING', 'SUSPENDED', 'RESTARTING', none, none],
  cancel: ['CANCELLING', 'CANCELLING', 'CANCELLING', 'CANCELED', 'CANCELLING', again, none],
  'torn-down': [none, none, 'RESTARTING', again, none, 'CANCELED', none],
}

describe('every event in every status does what docs/coordinator.md says', () => {
  it.each(MAKE.map(([name, make], column) => ({ name, make, column })))('$name', ({ make, column }) => {
    for (const [type, row] of Object.entries(TABLE) as [CoordinatorEvent['type'], (typeof TABLE)['tick']][]) {
      const job = make()
      const outcome = job.outcome(EVENTS[type](job.state.attempt))
      expect([type, outcome === 'accepted' ? job.state.status : outcome]).toEqual([type, row[column]])
    }
  })
})
