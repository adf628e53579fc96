import { deploymentOf } from '../../../lib/serverless/deployment.ts'
import { OperatorFault } from '../../../lib/model/faults.ts'
import type { JobHappening } from '../../../lib/serverless/observe.ts'
import type { JobRuntime } from '../../../lib/serverless/runtime.ts'
import type { Chance } from '../chance.ts'
import type { Case } from './case.ts'
import type { Cloud } from './cloud.ts'
import type { FaultSource } from './faults.ts'
import { serverlessJob } from './job.ts'
import type { SimulatedProcess } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import type { SharedOutside } from './sinks.ts'
import { outsideOf } from './upserts.ts'

export interface RuntimeParts {
  readonly of: Case
  readonly cloud: Cloud
  readonly scheduler: Scheduler
  readonly faults: FaultSource
  readonly chance: Chance
  readonly outside: SharedOutside
  readonly hear: (happening: JobHappening) => void
}

/** A user's function threw, as it does now and then. */
class InjectedFailure extends Error {
  override readonly name: string = 'InjectedFailure'
}

const NOWHERE = { operatorUid: 'injected', operatorName: 'injected', subtaskIndex: 0 }

/** All that one process works with: its own copy of the job, and the world as it sees it. */
export function runtimeOf(parts: RuntimeParts, parallelism: number, process: SimulatedProcess): JobRuntime {
  const { of, cloud, scheduler, faults, chance, outside, hear } = parts
  const called = (): void => {
    if (!faults.strikes('userFault')) return
    const failure = new InjectedFailure('injected')
    // Not the record's fault: chance could strike one as often as makes it poison.
    throw of.program.hasPoison ? new OperatorFault(NOWHERE, failure) : failure
  }
  const job = serverlessJob(
    of.program,
    { ...of.options, name: 'simulated', parallelism },
    {
      outside,
      chance,
      called,
      request: (what) => process.request(what),
      latestNow: () => scheduler.nowMs + of.profile.skewMs,
      skewMs: of.profile.skewMs,
      pace: of.source,
    },
  )
  const { config, plan } = deploymentOf(job, undefined)
  return {
    ...cloud.ports(process),
    config,
    plan,
    now: () => process.now(),
    random: chance,
    outside: outsideOf(outside.tables, process, scheduler, chance),
    observe: {
      event: (happening) => {
        process.trace(() => textOf(happening))
        hear(happening)
      },
      metric: () => {},
    },
  }
}

function textOf(happening: JobHappening): string {
  return JSON.stringify(happening, (key, value: unknown) =>
    key === 'figures' || key === 'stack' ? undefined : value,
  )
}
