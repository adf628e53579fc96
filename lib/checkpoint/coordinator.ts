import { asAttempt, asCheckpointId } from '../model/ids.ts'
import type { CoordinatorCommand } from './coordinator-commands.ts'
import type { CoordinatorEvent, EventOutcome } from './coordinator-events.ts'
import type { CoordinatorSettings, CoordinatorState } from './coordinator-state.ts'
import { initialRestartState } from './restart-strategy.ts'

export interface CoordinatorEnv {
  /** Epoch milliseconds, never less than at the event before. */
  readonly nowMs: number
  /** A number in [0, 1). */
  readonly random: () => number
}

export interface CoordinatorStep {
  readonly state: CoordinatorState
  readonly commands: readonly CoordinatorCommand[]
  readonly outcome: EventOutcome
}

/** A coordinator that has not heard `start`. */
export function newCoordinator(settings: CoordinatorSettings): CoordinatorState {
  return {
    settings,
    status: 'CREATED',
    attempt: asAttempt(0),
    deployment: 'none',
    tasks: [],
    needsFinalCommit: false,
    nextCheckpointId: asCheckpointId(1),
    pending: [],
    completed: [],
    condemned: [],
    lastSavepoint: undefined,
    initialRestorePoint: undefined,
    consecutiveFailures: 0,
    nextPeriodicAtMs: undefined,
    lastCompletedAtMs: undefined,
    queued: [],
    endedTasks: [],
    ending: undefined,
    restartState: initialRestartState,
    restartAtMs: undefined,
    cause: undefined,
    wakeAtMs: undefined,
  }
}

/** The whole coordinator: one event in; what it knows then and what it wants done out. Total and pure. */
export function coordinate(state: CoordinatorState, event: CoordinatorEvent, env: CoordinatorEnv): CoordinatorStep {
  void event
  void env
  return { state, commands: [], outcome: 'not-applicable' }
}
