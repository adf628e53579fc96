import { serverlessHttpEdge } from '../../../lib/serverless/ingest/http-edge.ts'
import { createHandlers } from '../../../lib/serverless/handlers.ts'
import type { JobRuntime } from '../../../lib/serverless/runtime.ts'
import type { JobHappening } from '../../../lib/serverless/observe.ts'
import type { MemoryWorld } from '../../world/memory-world.ts'
import { Chance } from '../chance.ts'
import { outputProblems } from '../checkers.ts'
import { expectedOutputs } from '../reference.ts'
import { growthProblems, leftoverProblems } from './bounds.ts'
import type { Case } from './case.ts'
import { HttpClient, HttpFunction } from './clients.ts'
import { Cloud, type Deployment } from './cloud.ts'
import { Driver } from './driver.ts'
import { FaultSource } from './faults.ts'
import { HappeningChecker } from './happenings.ts'
import { Ledger } from './ledger.ts'
import { tighten } from './limits.ts'
import { logProblems } from './log-checkers.ts'
import { START_MS, tracer, type Outcome, type Tell } from './outcome.ts'
import { letterProblems } from './poison.ts'
import type { SimulatedProcess, Trace } from './process.ts'
import { runtimeOf } from './runtime.ts'
import { Scheduler } from './scheduler.ts'
import { SharedOutside } from './sinks.ts'
import { upsertProblems } from './upserts.ts'

/** Once nothing goes wrong any more, whatever is to come has come by then. */
const CATCH_UP_MS = 20 * 60_000
const STEPS_MAX = 1_000_000
/** Whoever was late is done by then: what he waited for took no longer, and he may wait a few times. */
const LATE_MS = 10 * 60_000

export interface RunOptions {
  /** Is told all that happens. */
  readonly tell?: Tell | undefined
  /** Looks at all that was written, once the case is over. */
  readonly atEnd?: ((ledger: Ledger, world: MemoryWorld) => Promise<void>) | undefined
  /** The case is stuck after so many. Default: more than a hundred times what cases come to. */
  readonly stepsMax?: number | undefined
  /** The job is visited so often, in the place of once a week. Default: when it is over. */
  readonly visitEveryMs?: number | undefined
  /** A mistake that Millrace is made to make. */
  readonly mistake?: Mistake | undefined
}

/** Changes how a process's code works. */
export interface Mistake {
  /** What a process's code gets in place of the world's ports. */
  readonly ports?: (
    ports: ReturnType<Cloud['ports']>,
    cloud: Cloud,
    process: SimulatedProcess,
  ) => typeof ports
  /** What runs in place of a process's handlers. */
  readonly handlers?: (handlers: ReturnType<Deployment>, process: SimulatedProcess) => ReturnType<Deployment>
  /** Changes the code of all; what it gives changes it back. */
  readonly patch?: () => () => void
}

/** Runs a case to its end, and compares. */
export async function runCase(of: Case, options: RunOptions = {}): Promise<Outcome> {
  const loosen = tighten(of.limits)
  const mend = options.mistake?.patch?.()
  const { stackTraceLimit } = Error
  // Reports of failures carry stacks, which name files: a seed must replay its run wherever they lie.
  Error.stackTraceLimit = 0
  try {
    return await new Simulation(of, options).run()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    mend?.()
    loosen()
  }
}

class Simulation {
  readonly #case: Case
  readonly #options: RunOptions
  readonly #scheduler = new Scheduler(START_MS)
  readonly #ledger = new Ledger(() => this.#scheduler.nowMs)
  readonly #outside = new SharedOutside()
  readonly #happenings = new HappeningChecker()
  readonly #problems: string[] = []
  readonly #chance: Chance
  readonly #calmAtMs: number
  readonly #faults: FaultSource
  readonly #cloud: Cloud
  readonly #clients: readonly HttpClient[]
  readonly #driver: Driver
  #isStuck = false

  constructor(of: Case, options: RunOptions) {
    this.#case = of
    this.#options = options
    const chance = (this.#chance = new Chance(of.seed ^ 0x5eed))
    const scheduler = this.#scheduler
    const trace: Trace = tracer(scheduler, options.tell)
    trace(() => `case ${shown(of)}`)
    this.#calmAtMs = START_MS + of.chaosMs
    const faults = (this.#faults = new FaultSource(
      chance.fork(),
      of.profile,
      this.#calmAtMs,
      () => scheduler.nowMs,
    ))
    const problems = this.#problems
    const cloud = (this.#cloud = new Cloud(
      {
        scheduler,
        faults,
        chance: chance.fork(),
        trace,
        problems,
        concurrency: of.concurrency,
        onEffect: (operation, process) => this.#ledger.onEffect(cloud.world, operation, process),
      },
      this.#deploymentAt(of.lives[0]!.parallelism),
    ))
    this.#clients = of.program.fedByHttp ? this.#feed() : []
    this.#driver = new Driver({
      of,
      cloud,
      scheduler,
      chance: chance.fork(),
      trace,
      problems,
      isFed: () => this.#clients.every(({ isDone }) => isDone),
      deploy: (parallelism) => cloud.deploy(this.#deploymentAt(parallelism)),
    })
  }

  async run(): Promise<Outcome> {
    const { visitEveryMs } = this.#options
    if (visitEveryMs !== undefined) this.#visitEvery(visitEveryMs)
    await this.#runOn()
    if (this.#isFinished) await this.#visits()
    await this.#options.atEnd?.(this.#ledger, this.#cloud.world)
    const { program } = this.#case.program
    const expected = expectedOutputs(program)
    const isExact = this.#case.mode === 'exactly-once'
    const outputs = outputProblems(program, expected, this.#outside.seen, {
      delivery: isExact ? 'once' : 'at-least-once',
      inOrder: !this.#driver.rescaled && this.#driver.lives === 1,
      stateIsExact: isExact,
    })
    return {
      problems: [
        ...this.#problems,
        ...this.#happenings.violations,
        ...this.#outside.violations,
        ...(isExact ? this.#outside.untimely : []),
        ...(await logProblems(this.#ledger, this.#case.mode)),
        ...(await this.#boundProblems()),
        ...(await letterProblems(
          this.#case.program.hasPoison ? program : { ...program, nodes: [] },
          this.#cloud.world.blobs.store,
          isExact ? 'once' : 'at-least-once',
        )),
        ...outputs,
        ...upsertProblems(program, expected, this.#outside.tables, isExact),
      ],
      completed: this.#happenings.completed,
      restarts: Math.max(0, this.#happenings.attempts - this.#driver.lives),
      lives: this.#driver.lives,
      faults: this.#faults.counts,
      processes: this.#cloud.processes,
      steps: this.#scheduler.steps,
      virtualMs: this.#scheduler.nowMs - START_MS,
      items: [...expected.values()].flat().length,
    }
  }

  async #boundProblems(): Promise<string[]> {
    const { world } = this.#cloud
    return [
      ...growthProblems(world, this.#ledger, this.#scheduler.nowMs),
      ...(this.#isFinished ? await leftoverProblems(world) : []),
    ]
  }

  get #isFinished(): boolean {
    return !this.#isStuck && this.#driver.status?.status === 'FINISHED'
  }

  async #runOn(): Promise<void> {
    const scheduler = this.#scheduler
    const driver = this.#driver
    const { stepsMax = STEPS_MAX } = this.#options
    const livesMs = this.#case.lives.reduce((sum, life) => sum + life.endsAfterMs, 0)
    const deadlineMs = this.#calmAtMs + CATCH_UP_MS + livesMs
    while (!driver.isDone || !this.#cloud.isQuiet) {
      await scheduler.step()
      const isStuck = scheduler.nowMs > deadlineMs || scheduler.steps > stepsMax
      if (!isStuck) continue
      this.#isStuck = true
      const minutes = Math.round((scheduler.nowMs - this.#calmAtMs) / 60_000)
      const status = driver.isDone ? 'over, but not quiet,' : driver.status?.status
      this.#problems.push(
        `liveness: the job is ${status} ${minutes} min after all faults (${scheduler.steps} steps)`,
      )
      return
    }
  }

  #visitEvery(periodMs: number): void {
    this.#scheduler.after(periodMs, () => {
      if (this.#driver.isDone) return
      this.#cloud.visit()
      this.#visitEvery(periodMs)
    })
  }

  /**
   * Long after, when all zombies are gone, the job is visited as it is every week. The first visit wakes ingest, and that a task
   * in an old process, which may come too late with a head: the next visit finds what it leaves.
   */
  async #visits(): Promise<void> {
    const scheduler = this.#scheduler
    const allQuietAtMs = Math.max(scheduler.nowMs, this.#calmAtMs) + LATE_MS
    while (scheduler.nowMs < allQuietAtMs) await scheduler.step()
    await this.#visit()
    await this.#visit()
  }

  async #visit(): Promise<void> {
    const scheduler = this.#scheduler
    const cloud = this.#cloud
    cloud.visit()
    const deadlineMs = scheduler.nowMs + CATCH_UP_MS
    while (!cloud.isQuiet) {
      await scheduler.step()
      if (scheduler.nowMs <= deadlineMs) continue
      this.#problems.push('liveness: a visit to a job that is over does not end')
      return
    }
  }

  #feed(): HttpClient[] {
    const { program, padding } = this.#case.program
    const cloud = this.#cloud
    const world = cloud.processWorld
    const chance = this.#chance.fork()
    const http = new HttpFunction(world, chance, (process) =>
      serverlessHttpEdge(this.#runtimeAt(this.#case.lives[0]!.parallelism, chance, process)),
    )
    return program.nodes.flatMap((node, index) =>
      node.type === 'source'
        ? [
            new HttpClient({
              ...world,
              http,
              chance: chance.fork(),
              sourceUid: `source-${index}`,
              splits: node.splits,
              padding,
              pace: this.#case.source,
              problems: this.#problems,
            }),
          ]
        : [],
    )
  }

  #runtimeAt(parallelism: number, chance: Chance, process: SimulatedProcess): JobRuntime {
    return runtimeOf(
      {
        of: this.#case,
        cloud: this.#cloud,
        scheduler: this.#scheduler,
        faults: this.#faults,
        chance,
        outside: this.#outside,
        hear: (happening: JobHappening) => this.#happenings.hear(happening),
      },
      parallelism,
      process,
    )
  }

  #deploymentAt(parallelism: number): Deployment {
    const { mistake } = this.#options
    const chance = this.#chance.fork()
    return (process) => {
      const runtime = this.#runtimeAt(parallelism, chance, process)
      const ports = mistake?.ports?.(this.#cloud.ports(process), this.#cloud, process)
      const handlers = createHandlers({ ...runtime, ...ports })
      return mistake?.handlers?.(handlers, process) ?? handlers
    }
  }
}

function shown(of: Case): string {
  return JSON.stringify(of, (key, value: unknown) =>
    key === 'splits' || key === 'padding' ? undefined : value,
  )
}
