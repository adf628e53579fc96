import { createHandlers } from '../../../lib/serverless/handlers.ts'
import type { JobHappening } from '../../../lib/serverless/observe.ts'
import { Chance } from '../chance.ts'
import { outputProblems } from '../checkers.ts'
import { expectedOutputs } from '../reference.ts'
import type { Case } from './case.ts'
import { Cloud } from './cloud.ts'
import { Driver } from './driver.ts'
import { FaultSource } from './faults.ts'
import { Ledger } from './ledger.ts'
import { logProblems } from './log-checkers.ts'
import { isExpected, START_MS, tracer, type Outcome, type Tell } from './outcome.ts'
import { runtimeOf } from './runtime.ts'
import { Scheduler } from './scheduler.ts'
import { SharedOutside } from './sinks.ts'

/** Once nothing goes wrong any more, whatever is to come has come by then. */
const CATCH_UP_MS = 45 * 60_000
const STEPS_MAX = 1_000_000

export async function runCase(of: Case, tell?: Tell): Promise<Outcome> {
  const chance = new Chance(of.seed ^ 0x5eed)
  const scheduler = new Scheduler(START_MS)
  const calmAtMs = START_MS + of.chaosMs
  const faults = new FaultSource(chance.fork(), of.profile, calmAtMs, () => scheduler.nowMs)
  const outside = new SharedOutside()
  const problems: string[] = []
  const seen = { completed: new Set<number>(), attempts: new Set<number>() }
  const trace = tracer(scheduler, tell)
  const ledger = new Ledger()
  trace(
    () =>
      `case ${JSON.stringify(of, (key, value: unknown) => (key === 'splits' || key === 'padding' ? undefined : value))}`,
  )
  const hear = (happening: JobHappening): void => {
    if (happening.type === 'checkpoint-completed') seen.completed.add(happening.checkpointId)
    if (happening.type === 'deployed') seen.attempts.add(happening.attempt)
    if (happening.type === 'warning' && !isExpected(happening.message)) problems.push(happening.message)
  }
  const parts = { of, scheduler, faults, outside, hear }
  const deploymentAt = (parallelism: number) => {
    const own = chance.fork()
    return (process: Parameters<Parameters<Cloud['deploy']>[0]>[0]) =>
      createHandlers(runtimeOf({ ...parts, cloud, chance: own }, parallelism, process))
  }
  const cloud: Cloud = new Cloud(
    {
      scheduler,
      faults,
      chance: chance.fork(),
      trace,
      problems,
      concurrency: of.concurrency,
      onEffect: (operation, process) => ledger.onEffect(cloud.world, operation, process),
    },
    deploymentAt(of.lives[0]!.parallelism),
  )
  const driver = new Driver({
    of,
    cloud,
    scheduler,
    chance: chance.fork(),
    trace,
    problems,
    deploy: (parallelism) => cloud.deploy(deploymentAt(parallelism)),
  })
  const deadlineMs = calmAtMs + CATCH_UP_MS + of.lives.reduce((sum, life) => sum + life.endsAfterMs, 0)
  while (!(driver.isDone && (cloud.isQuiet || scheduler.nowMs > deadlineMs))) {
    await scheduler.step()
    if (driver.isDone) continue
    if (scheduler.nowMs > deadlineMs) {
      problems.push(
        `liveness: the job is ${driver.status?.status}, ${CATCH_UP_MS / 60_000} min after all faults`,
      )
      break
    }
    if (scheduler.steps > STEPS_MAX) {
      problems.push(`liveness: the job is ${driver.status?.status} after ${scheduler.steps} steps`)
      break
    }
  }
  const expected = expectedOutputs(of.program.program)
  const isExact = of.mode === 'exactly-once'
  problems.push(...outside.violations, ...(await logProblems(ledger, of.mode)))
  if (isExact) problems.push(...outside.untimely)
  problems.push(
    ...outputProblems(of.program.program, expected, outside.seen, {
      delivery: isExact ? 'once' : 'at-least-once',
      inOrder: !driver.rescaled && driver.lives === 1,
      stateIsExact: isExact,
    }),
  )
  return {
    problems,
    completed: seen.completed.size,
    restarts: seen.attempts.size - driver.lives,
    lives: driver.lives,
    faults: faults.counts,
    processes: cloud.processes,
    steps: scheduler.steps,
    virtualMs: scheduler.nowMs - START_MS,
    items: [...expected.values()].flat().length,
  }
}
