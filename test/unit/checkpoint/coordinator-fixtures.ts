import { coordinate, newCoordinator } from '../../../lib/checkpoint/coordinator.ts'
import type { CoordinatorStep } from '../../../lib/checkpoint/coordinator.ts'
import type { CoordinatorCommand } from '../../../lib/checkpoint/coordinator-commands.ts'
import type { CoordinatorEvent, StartEvent } from '../../../lib/checkpoint/coordinator-events.ts'
import type { CoordinatedTask, CoordinatorState } from '../../../lib/checkpoint/coordinator-state.ts'
import type { TaskAck } from '../../../lib/checkpoint/task-ack.ts'
import { asAttempt, asCheckpointId, taskId } from '../../../lib/model/ids.ts'
import type { RecordIdentity } from '../../../lib/model/poison-records.ts'
import type { CheckpointConfig, RestartStrategyConfig } from '../../../lib/stream/config.ts'

export const TASKS: readonly CoordinatedTask[] = [
  { task: taskId('source', 0), vertexId: 'source', subtaskIndex: 0, isSource: true },
  { task: taskId('count', 0), vertexId: 'count', subtaskIndex: 0, isSource: false },
  { task: taskId('count', 1), vertexId: 'count', subtaskIndex: 1, isSource: false },
]

export function checkpointing(changes: Partial<CheckpointConfig> = {}): CheckpointConfig {
  return {
    intervalMs: 1_000,
    mode: 'exactly-once',
    timeoutMs: 60_000,
    minPauseMs: 0,
    maxConcurrent: 1,
    tolerableFailures: 0,
    retentionOnCancel: 'delete',
    numRetained: 1,
    preferCheckpointForRecovery: false,
    unaligned: false,
    alignedTimeoutMs: 0,
    directory: 'checkpoints',
    savepointDirectory: 'savepoints',
    ...changes,
  }
}

const RESTART: RestartStrategyConfig = { type: 'fixed-delay', attempts: 3, delayMs: 500 }

export const ACK: TaskAck = {
  watermarkMs: 5,
  finished: false,
  operators: [],
  figures: { alignmentMs: 2, durationMs: 3, bytes: 10, fullBytes: 20, records: 4 },
}

export const START: StartEvent = {
  type: 'start',
  tasks: TASKS,
  needsFinalCommit: false,
  restoreFrom: undefined,
  lastAttempt: asAttempt(0),
  nextCheckpointId: asCheckpointId(1),
  retained: [],
}

type EventOf<Type> = Extract<CoordinatorEvent, { type: Type }>
type CommandOf<Type> = Extract<CoordinatorCommand, { type: Type }>

/** A coordinator with a clock that a test moves. */
export class TestCoordinator {
  state: CoordinatorState
  nowMs = 10_000
  last: CoordinatorStep | undefined
  readonly log: CoordinatorCommand[] = []

  constructor(
    changes: Partial<CheckpointConfig> = {},
    restart: RestartStrategyConfig = RESTART,
    deadLetterAfter?: number,
  ) {
    this.state = newCoordinator({ checkpointing: checkpointing(changes), restart, deadLetterAfter })
  }

  /** One in which all tasks of the first attempt run. */
  static running(
    changes: Partial<CheckpointConfig> = {},
    restart: RestartStrategyConfig = RESTART,
    start: Partial<StartEvent> = {},
  ): TestCoordinator {
    const coordinator = new TestCoordinator(changes, restart)
    coordinator.send({ ...START, ...start })
    coordinator.send({ type: 'deployed', attempt: coordinator.state.attempt })
    return coordinator
  }

  send(event: CoordinatorEvent): readonly CoordinatorCommand[] {
    this.last = coordinate(this.state, event, { nowMs: this.nowMs, random: () => 0.5 })
    this.state = this.last.state
    this.log.push(...this.last.commands)
    return this.last.commands
  }

  outcome(event: CoordinatorEvent): string {
    this.send(event)
    return this.last!.outcome
  }

  after(ms: number): readonly CoordinatorCommand[] {
    this.nowMs += ms
    return this.send({ type: 'tick' })
  }

  acknowledgeAll(id: number): readonly CoordinatorCommand[] {
    return this.state.tasks.flatMap(({ task }) => this.acknowledge(id, task))
  }

  acknowledge(id: number, task: EventOf<'acknowledge'>['task']): readonly CoordinatorCommand[] {
    const checkpointId = asCheckpointId(id)
    return this.send({ type: 'acknowledge', attempt: this.state.attempt, checkpointId, task, ack: ACK })
  }

  stored(id: number): readonly CoordinatorCommand[] {
    return this.send({ type: 'stored', checkpointId: asCheckpointId(id), location: `chk-${id}` })
  }

  complete(id: number): readonly CoordinatorCommand[] {
    return [...this.acknowledgeAll(id), ...this.stored(id)]
  }

  failTask(message = 'boom', record?: RecordIdentity): readonly CoordinatorCommand[] {
    return this.send({
      type: 'task-failed',
      attempt: this.state.attempt,
      task: TASKS[1]!.task,
      cause: { message, operatorUid: 'count', key: '"a"' },
      record,
    })
  }

  tornDown(): readonly CoordinatorCommand[] {
    return this.send({ type: 'torn-down', attempt: this.state.attempt })
  }

  endInputs(): readonly CoordinatorCommand[] {
    const { attempt, tasks } = this.state
    return tasks.flatMap(({ task }) => this.send({ type: 'input-ended', attempt, task }))
  }
}

export function only<Type extends CoordinatorCommand['type']>(
  commands: readonly CoordinatorCommand[],
  type: Type,
): CommandOf<Type>[] {
  return commands.filter((command): command is CommandOf<Type> => command.type === type)
}
