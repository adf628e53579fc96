import type { JobHappening } from '../../../lib/serverless/observe.ts'
import { decodeEntry } from '../../../lib/serverless/actor/log-entry.ts'
import { History } from '../../../lib/serverless/actor/history.ts'
import type { JobRuntime } from '../../../lib/serverless/runtime.ts'
import { Chance } from '../chance.ts'
import { Cloud, type Deployment } from './cloud.ts'
import { FaultSource, randomProfile } from './faults.ts'
import { Ledger } from './ledger.ts'
import { logProblems } from './log-checkers.ts'
import { isExpected, START_MS, tracer, type Outcome, type Tell } from './outcome.ts'
import { Scheduler } from './scheduler.ts'
import { COLLECTOR, MIDDLES, SOURCE, toyBehaviour, toyHandler } from './toy.ts'

const NUMBERS = 120
const CHAOS_MS = 120_000
const CATCH_UP_MS = 45 * 60_000

/** The protocol of turns alone: actors that pass numbers on, which must come through once and in order, whatever goes wrong. */
export async function runKernelCase(seed: number, tell?: Tell): Promise<Outcome> {
  const chance = new Chance(seed)
  const scheduler = new Scheduler(START_MS)
  // It is the coordinator that notices that an actor sleeps on, and there is none.
  const profile = { ...randomProfile(chance), loseWakeUp: 0 }
  const faults = new FaultSource(chance.fork(), profile, START_MS + CHAOS_MS, () => scheduler.nowMs)
  const problems: string[] = []
  const ledger = new Ledger(() => scheduler.nowMs)
  const trace = tracer(scheduler, tell)
  trace(() => `kernel case ${seed}: ${JSON.stringify(profile)}`)
  const event = (happening: JobHappening): void => {
    if (happening.type === 'warning' && !isExpected(happening.message)) problems.push(happening.message)
  }
  const deployment: Deployment = (process) => {
    const runtime: Pick<JobRuntime, 'log' | 'blobs' | 'mailbox' | 'wakeUps' | 'now' | 'random' | 'observe'> =
      {
        ...cloud.ports(process),
        now: () => process.now(),
        random: chance,
        observe: { event, metric: () => {} },
      }
    const handler = toyHandler(runtime as JobRuntime, NUMBERS)
    return { operator: handler, coordinator: handler, ingest: handler }
  }
  const cloud: Cloud = new Cloud(
    {
      scheduler,
      faults,
      chance: chance.fork(),
      trace,
      problems,
      concurrency: chance.int(1, 6),
      onEffect: (operation, process) => ledger.onEffect(cloud.world, operation, process),
    },
    deployment,
  )
  cloud.nudge(SOURCE)
  const isAtRest = (): boolean => cloud.isQuiet && cloud.world.wakeUps.queue.size === 0
  while (!(faults.isCalm && isAtRest()) && scheduler.nowMs < START_MS + CHAOS_MS + CATCH_UP_MS)
    await scheduler.step()
  if (!isAtRest()) problems.push('liveness: something still goes on')

  const history = new History(toyBehaviour(COLLECTOR, NUMBERS), undefined)
  for (const entry of cloud.world.log.entries(COLLECTOR))
    history.add(await decodeEntry(entry, cloud.world.blobs.store))
  const { values } = history.current.state
  for (let first = 0; first < MIDDLES; first++) {
    const got = values.filter((value) => value % MIDDLES === first)
    const expected = Array.from(
      { length: Math.ceil((NUMBERS - first) / MIDDLES) },
      (_, i) => first + i * MIDDLES,
    )
    if (got.join() !== expected.join())
      problems.push(`channels: expected ${expected.join()}, got ${got.join()}`)
  }
  problems.push(
    ...(await logProblems(ledger, 'exactly-once')).filter((one) => !one.includes('without a genesis')),
  )
  return {
    problems,
    completed: 0,
    restarts: 0,
    lives: 1,
    faults: faults.counts,
    processes: cloud.processes,
    steps: scheduler.steps,
    virtualMs: scheduler.nowMs - START_MS,
    items: NUMBERS,
  }
}
