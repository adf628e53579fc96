import { deadLetterObjects } from '../connectors/dead-letter-objects.ts'
import { buildStreamGraph } from '../graph/build-stream-graph.ts'
import { planWithDeadLetters } from '../graph/dead-letters.ts'
import type { JobPlan } from '../graph/plan.ts'
import { formatDurationMs } from '../model/durations.ts'
import { compileConfig } from '../stream/compile-config.ts'
import type { JobConfig } from '../stream/config.ts'
import type { JobDefinition } from '../stream/job.ts'

/** The shortest time between checkpoints: the coordinator is woken by messages, whose delays are whole seconds. */
const CHECKPOINT_INTERVAL_MIN_MS = 1_000

/** A job as functions run it. */
export interface Deployment {
  readonly config: JobConfig
  readonly plan: JobPlan
  /** What runs otherwise than the job says, one line each. */
  readonly changes: readonly string[]
}

/**
 * The settings and the plan that every function of a deployed job goes by; dead letters that no stream takes go to the job's
 * own bucket. `settings` override the job's, by their keys.
 * @throws UserError with all that is wrong with its settings or its graph.
 */
export function deploymentOf(
  definition: JobDefinition,
  settings: Readonly<Record<string, unknown>> | undefined,
): Deployment {
  const asked = compileConfig({ code: definition.options, overrides: settings, overridesSource: 'settings' })
  const { intervalMs } = asked.checkpointing
  const tooShort = intervalMs !== undefined && intervalMs < CHECKPOINT_INTERVAL_MIN_MS
  const config = tooShort
    ? Object.freeze({
        ...asked,
        checkpointing: Object.freeze({ ...asked.checkpointing, intervalMs: CHECKPOINT_INTERVAL_MIN_MS }),
      })
    : asked
  return {
    config,
    plan: planWithDeadLetters(buildStreamGraph(definition), config, (uid) =>
      // Without them nothing would be seen of a stream's dead letters before its end.
      deadLetterObjects(
        uid,
        config.checkpointing.intervalMs === undefined ? 'each-turn' : 'with-checkpoints',
      ),
    ),
    changes: tooShort
      ? [
          `checkpointing.interval: ${formatDurationMs(intervalMs)} is rounded up to ` +
            `${formatDurationMs(CHECKPOINT_INTERVAL_MIN_MS)} on functions: shorter delays are not to be had there`,
        ]
      : [],
  }
}
