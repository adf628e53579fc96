import { buildStreamGraph } from '../../../../lib/graph/build-stream-graph.ts'
import type { JobPlan } from '../../../../lib/graph/plan.ts'
import { planJob } from '../../../../lib/graph/plan-job.ts'
import { compileConfig } from '../../../../lib/stream/compile-config.ts'
import type { JobConfig } from '../../../../lib/stream/config.ts'
import {
  collection,
  defineJob,
  fixedDelay,
  print,
  type,
  valueState,
  type TwoPhaseCommitSink,
} from '../../../../lib/index.ts'
import type { JobOptions } from '../../../../lib/stream/options.ts'

export const KEY_GROUPS = 4

export interface PlayedCode {
  readonly parallelism: number
  /** The uid of the operator that counts. */
  readonly uid?: string
  /** Default: every ten seconds. */
  readonly checkpoints?: 'off'
  /** The sink commits with checkpoints, the final one at least. */
  readonly commits?: boolean
  readonly options?: Partial<JobOptions>
}

const COMMITTING: TwoPhaseCommitSink<number, null> = {
  type: 'two-phase-commit',
  kind: 'played',
  createCommitter: () => {
    throw new Error('its tasks are played')
  },
}

/** numbers (a source) -> count, by key -> out. */
export function planned({ parallelism, uid = 'count', checkpoints, commits, options = {} }: PlayedCode): {
  readonly plan: JobPlan
  readonly config: JobConfig
} {
  const job = defineJob(
    {
      name: 'played',
      parallelism,
      maxParallelism: KEY_GROUPS,
      restart: fixedDelay({ attempts: 100, delay: '5 s' }),
      ...options,
      checkpointing: {
        ...(checkpoints !== 'off' && { interval: '10 s' }),
        timeout: '1 min',
        retentionOnCancel: 'retain',
        ...options.checkpointing,
      },
    },
    (env) => {
      env
        .source('numbers', collection([1, 2, 3]))
        .keyBy((n) => n)

        .process(uid, {
          emits: type<number>(),
          state: { count: valueState<number>() },
          processElement(n, ctx) {
            ctx.state.count.update(n)
            ctx.collect(n)
          },
        })
        .sinkTo('out', commits === true ? COMMITTING : print())
    },
  )
  const config = compileConfig({ code: job.options, overrides: {} })
  return { plan: planJob(buildStreamGraph(job), config), config }
}
