import { unreachable } from '../model/faults.ts'
import { formatDurationMs } from '../model/durations.ts'
import type { RestartStrategyConfig } from '../stream/config.ts'

/** What a strategy remembers between failures; one shape for all, so that it is plain data in the coordinator. */
export interface RestartState {
  /** Restarts granted: all of them, or since the back-off was reset. */
  readonly restarts: number
  /** failure-rate: when the latest failures came, oldest first; at most as many as are allowed in an interval. */
  readonly failuresAtMs: readonly number[]
  /** exponential-delay: when the last restart was due. */
  readonly lastRestartAtMs: number | undefined
}

export const initialRestartState: RestartState = { restarts: 0, failuresAtMs: [], lastRestartAtMs: undefined }

export type RestartDecision =
  | { readonly restart: true; readonly delayMs: number; readonly state: RestartState }
  | { readonly restart: false; readonly reason: string; readonly state: RestartState }

/**
 * Whether and when the job is started again after a failure. `random` gives numbers in [0, 1); only the jitter of
 * exponential-delay draws one.
 */
export function decideRestart(
  config: RestartStrategyConfig,
  state: RestartState,
  failureAtMs: number,
  random: () => number,
): RestartDecision {
  switch (config.type) {
    case 'none':
      return { restart: false, reason: 'the restart strategy is none', state }
    case 'fixed-delay':
      return fixedDelay(config, state)
    case 'failure-rate':
      return failureRate(config, state, failureAtMs)
    case 'exponential-delay':
      return exponentialDelay(config, state, failureAtMs, random)
    default:
      return unreachable(config)
  }
}

type Config<Type extends RestartStrategyConfig['type']> = Extract<RestartStrategyConfig, { type: Type }>

/** `attempts` restarts are granted; the failure after the last of them ends the job. */
function fixedDelay(config: Config<'fixed-delay'>, state: RestartState): RestartDecision {
  if (state.restarts >= config.attempts) {
    return { restart: false, reason: `fixed-delay: all ${config.attempts} restarts are used up`, state }
  }
  return { restart: true, delayMs: config.delayMs, state: { ...state, restarts: state.restarts + 1 } }
}

/** The failure that is the Nth within the interval ends the job (Flink's FailureRateRestartBackoffTimeStrategy). */
function failureRate(
  config: Config<'failure-rate'>,
  state: RestartState,
  failureAtMs: number,
): RestartDecision {
  const failuresAtMs = [...state.failuresAtMs, failureAtMs].slice(-config.maxFailuresPerInterval)
  const next = { ...state, failuresAtMs, restarts: state.restarts + 1 }
  const full = failuresAtMs.length >= config.maxFailuresPerInterval
  if (full && failureAtMs - failuresAtMs[0]! <= config.intervalMs) {
    const reason = `failure-rate: ${config.maxFailuresPerInterval} failures within ${formatDurationMs(config.intervalMs)}`
    return { restart: false, reason, state: { ...state, failuresAtMs } }
  }
  return { restart: true, delayMs: config.delayMs, state: next }
}

/**
 * Delays grow by the multiplier up to the maximum. A quiet time of at least `resetAfterMs` since the last restart
 * was due starts them, and the count of attempts, again (Flink's ExponentialDelayRestartBackoffTimeStrategy).
 */
function exponentialDelay(
  config: Config<'exponential-delay'>,
  state: RestartState,
  failureAtMs: number,
  random: () => number,
): RestartDecision {
  const quiet =
    state.lastRestartAtMs !== undefined && failureAtMs - state.lastRestartAtMs >= config.resetAfterMs
  const restarts = quiet ? 0 : state.restarts
  if (restarts >= config.attempts) {
    return { restart: false, reason: `exponential-delay: all ${config.attempts} restarts are used up`, state }
  }
  const delayMs = backoffMs(config, restarts, random)
  return {
    restart: true,
    delayMs,
    state: { ...state, restarts: restarts + 1, lastRestartAtMs: failureAtMs + delayMs },
  }
}

/** Never less than the initial delay nor more than the maximum, whatever the jitter. */
function backoffMs(config: Config<'exponential-delay'>, restarts: number, random: () => number): number {
  const grown = Math.min(config.initialDelayMs * config.backoffMultiplier ** restarts, config.maxDelayMs)
  const jitter = config.jitterFactor === 0 ? 0 : grown * config.jitterFactor * (2 * random() - 1)
  return Math.round(Math.max(config.initialDelayMs, Math.min(grown + jitter, config.maxDelayMs)))
}
