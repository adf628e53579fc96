import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as immediate } from 'node:timers/promises'
import {
  UserError,
  type JobHandle,
  type JobOptions,
  type JobResult,
  type RunOptions,
} from '../../lib/index.ts'
import { runJobIn } from '../../lib/embedded/run-job.ts'
import { ManualClock } from '../../lib/testing/index.ts'
import { Chance } from './chance.ts'
import {
  checkpointProblems,
  EventChecker,
  leftoverProblems,
  outputProblems,
  type OutputExpectation,
} from './checkers.ts'
import { FaultPlan, randomFaults, type Fault } from './faults.ts'
import { MemoryFiles } from './memory-files.ts'
import { randomProgram, type Program } from './program.ts'
import { expectedOutputs } from './reference.ts'
import { simulatedJob } from './simulated-job.ts'
import { Outside } from './simulated-sinks.ts'

export type Backend = 'memory' | 'filesystem' | 'lmdb'
type Ending = 'natural' | 'suspend' | 'stop' | 'kill' | 'power cut' | 'cancel'

/** One process of a job, from its start to its end. */
interface Life {
  readonly backend: Backend
  readonly parallelism: number
  readonly ending: Ending
  /** When it ends, in turns of the event loop. */
  readonly turns: number
  /** The user goes on from the path that the job named, instead of from `latest`. */
  readonly byPath: boolean
}

/** Everything about one case, as plain data drawn from its seed. */
export interface Case {
  readonly seed: number
  readonly mode: 'exactly-once' | 'at-least-once'
  readonly program: Program
  readonly options: Omit<JobOptions, 'name'>
  readonly lives: readonly Life[]
  readonly faults: readonly Fault[]
  /** Of sinks. */
  readonly slowness: number
  /** Of a turn, that the user asks for a checkpoint or savepoint in it. */
  readonly requestProbability: number
}

const CHECKPOINTS = '/data/checkpoints'
/** Names of what a job can go on from. */
const START = /\/_metadata$|\/attempts\/\d+-\d+$/
const SAVEPOINTS = '/data/savepoints'
/** A job that does nothing for so long is stuck: what may take time, takes a few turns. */
const STUCK_TURNS = 100_000
const ENDINGS: readonly Ending[] = ['suspend', 'stop', 'kill', 'power cut', 'cancel']

export function randomCase(seed: number, mode: Case['mode'], backends: readonly Backend[]): Case {
  const chance = new Chance(seed)
  const maxParallelism = chance.pick([3, 4, 8, 16])
  const backend = chance.pick(backends)
  const parallelism = chance.int(1, 3)
  const rescales = chance.chance(0.5)
  const lives = Array.from({ length: chance.pick([1, 1, 2, 3, 4]) }, (): Life => {
    const own = rescales ? chance.pick(backends) : backend
    return {
      backend: own,
      parallelism: rescales ? chance.int(1, 3) : parallelism,
      // Checkpoints in memory are gone with their process.
      ending: own === 'memory' ? 'stop' : chance.pick(ENDINGS),
      turns: chance.magnitude(1, 600),
      byPath: chance.chance(0.5),
    }
  })
  const last = lives.pop()!
  const inMemory = [...lives, last].some((life) => life.backend === 'memory')
  const slowness = chance.pick([0.1, 0.3, 0.3, 0.9])
  return {
    seed,
    mode,
    program: randomProgram(chance, maxParallelism),
    options: {
      maxParallelism,
      restart: inMemory ? { type: 'fixed-delay', attempts: 'unlimited', delay: 1 } : randomRestart(chance),
      autoWatermarkInterval: chance.pick([0, 10, 200]),
      checkpointing: {
        mode,
        interval: chance.magnitude(5, 200),
        minPause: chance.pick([0, 0, 20]),
        // A job whose checkpoints are always late comes to no end.
        timeout: slowness > 0.5 ? 600_000 : chance.pick([60, 1_000, 600_000, 600_000]),
        maxConcurrent: chance.pick([1, 1, 2, 3]),
        tolerableFailures: chance.pick([0, 3, 'unlimited', 'unlimited']),
        numRetained: chance.pick([1, 1, 2, 3]),
        retentionOnCancel: 'retain',
        preferCheckpointForRecovery: chance.chance(0.3),
        directory: CHECKPOINTS,
        savepointDirectory: SAVEPOINTS,
      },
    },
    lives: [...lives, { ...last, ending: 'natural' }],
    faults: randomFaults(chance, chance.pick([0, 1, 2, 3, 5])),
    slowness,
    requestProbability: chance.pick([0, 0, 0.01, 0.05]),
  }
}

/**
 * A random case with unaligned checkpoints, which it goes on from at other parallelisms: the last checkpoint of a life
 * that ends in order is aligned, so that most are killed.
 */
export function unalignedCase(seed: number): Case {
  const one = randomCase(seed, 'exactly-once', ['filesystem'])
  const chance = new Chance(seed ^ 0x0a11)
  const rescales = chance.chance(0.7)
  const parallelism = chance.int(1, 3)
  const lives = Array.from({ length: chance.int(1, 4) }, (): Life => ({
    backend: 'filesystem',
    parallelism: rescales ? chance.int(1, 3) : parallelism,
    ending: chance.pick(['kill', 'kill', 'power cut', 'cancel', ...ENDINGS]),
    turns: chance.magnitude(10, 400),
    byPath: chance.chance(0.5),
  }))
  return {
    ...one,
    lives: [...lives, { ...lives[0]!, ending: 'natural' }],
    options: {
      ...one.options,
      checkpointing: {
        ...one.options.checkpointing,
        interval: chance.magnitude(2, 40),
        unaligned: true,
        alignedTimeout: chance.pick([0, 0, 1, 3, 20]),
        maxConcurrent: 1,
      },
    },
  }
}

function randomRestart(chance: Chance): NonNullable<JobOptions['restart']> {
  const delay = chance.pick([0, 1, 50])
  return chance.pick<NonNullable<JobOptions['restart']>>([
    { type: 'none' },
    { type: 'fixed-delay', attempts: 'unlimited', delay },
    { type: 'fixed-delay', attempts: 'unlimited', delay },
    { type: 'fixed-delay', attempts: 2, delay },
    { type: 'failure-rate', maxFailuresPerInterval: 3, interval: 100, delay },
    { type: 'exponential-delay', initialDelay: 1 + delay },
  ])
}

/** What a case came to: what is wrong, and figures that show that it tested something. */
export interface Outcome {
  readonly problems: readonly string[]
  readonly completed: number
  readonly restarts: number
  readonly faults: readonly Fault[]
  readonly lives: number
  readonly items: number
}

/** Runs a case to its end, life after life, and compares. */
export async function runCase(one: Case, trace?: (line: string) => void): Promise<Outcome> {
  const simulation = new Simulation(one, trace)
  try {
    return await simulation.run()
  } finally {
    simulation.close()
  }
}

class Simulation {
  readonly #case: Case
  readonly #chance: Chance
  readonly #plan: FaultPlan
  readonly #outside = new Outside()
  readonly #clock = new ManualClock(1_000_000)
  readonly #problems: string[] = []
  readonly #trace: (line: string) => void
  /** LMDB's files are the one thing that is on the real disk: they need not outlive a process. */
  readonly #scratch = mkdtempSync(join(tmpdir(), 'millrace-simulation-'))
  #files: MemoryFiles
  #uptimeMs = 0
  #completed = 0
  #restarts = 0
  #lives = 0

  constructor(one: Case, trace: (line: string) => void = () => {}) {
    this.#case = one
    this.#trace = trace
    this.#chance = new Chance(one.seed ^ 0x5eed)
    this.#plan = new FaultPlan(one.faults)
    this.#files = new MemoryFiles(this.#chance.fork(), this.#plan)
  }

  close(): void {
    rmSync(this.#scratch, { recursive: true, force: true })
  }

  async run(): Promise<Outcome> {
    const { program, lives, mode } = this.#case
    const left = [...lives]
    let from: string | undefined
    let begun: string | undefined
    for (let life = left.shift(); life !== undefined; life = left.shift()) {
      this.#lives++
      const end = await this.#live(life, from === 'latest' ? (this.#latest() ?? begun) : from)
      from = end.from
      if (from !== 'latest') begun = from
      // A job that was to end otherwise may have failed, or finished before.
      if (end.done) break
      if (end.mustGoOn && left.length === 0) left.push({ ...life, ending: 'natural' })
      if (this.#lives > 40) throw new Error('the job never comes to its end')
    }
    // A checkpoint that expired fails a job as well.
    const failed = this.#plan.happened.length > 0 || this.#restarts > 0 || lives.length > 1
    const expected = expectedOutputs(program)
    const expectation: OutputExpectation = {
      delivery: mode === 'exactly-once' || !failed ? 'once' : 'at-least-once',
      inOrder: new Set(lives.map(({ parallelism }) => parallelism)).size === 1,
      stateIsExact: mode === 'exactly-once' || !failed,
    }
    const outputs = outputProblems(program, expected, this.#outside.seen, expectation)
    const problems = [...this.#problems, ...this.#outside.violations, ...outputs]
    if (expectation.stateIsExact) problems.push(...this.#outside.untimely)
    return {
      problems,
      completed: this.#completed,
      restarts: this.#restarts,
      faults: this.#plan.happened,
      lives: this.#lives,
      items: [...expected.values()].flat().length,
    }
  }

  async #live(life: Life, from: string | undefined): Promise<LifeEnd> {
    let alive = true
    const files = this.#files
    const handle = await this.#start(life, from, () => alive)
    if (handle === undefined) return { from, done: false, mustGoOn: true }
    const ofRun = `${CHECKPOINTS}/simulated/${handle.runId}/`
    const adopted = files.paths.filter((path) => path.startsWith(ofRun) && path.endsWith('/_metadata')).length
    const checker = new EventChecker(handle)
    let toldOfLeftovers = false
    this.#trace(`life ${this.#lives}: ${JSON.stringify(life)} from ${from}, run ${handle.runId}`)
    handle.onEvent((event) => {
      this.#trace(JSON.stringify(event, (key, value: unknown) => (key === 'figures' ? undefined : value)))
      if (event.type === 'checkpoint-completed') this.#completed++
      if (event.type === 'warning' && /not removed|Cleaning up/.test(event.message)) toldOfLeftovers = true
    })
    let savepoint: string | undefined
    const result = await this.#drive(handle, life, {
      stopped: (path) => (savepoint = path),
      die: () => {
        alive = false
        this.#files = files.crash(life.ending === 'kill' ? 'kill' : 'power cut')
      },
    })
    this.#trace(JSON.stringify(result))
    this.#problems.push(...checker.violations)
    this.#restarts += result.restarts
    if (!alive) {
      this.#problems.push(...(await checkpointProblems(this.#files, CHECKPOINTS)))
      // A job that died while it cleaned up was done; its user knows by its savepoint, or finds nothing of its run.
      const latest = savepoint ?? this.#latest()
      const isGone = !this.#files.paths.some((path) => path.startsWith(ofRun) && START.test(path))
      const done = handle.status === 'FINISHED' && savepoint === undefined && (latest === undefined || isGone)
      return { from: latest ?? from, done, mustGoOn: !done }
    }
    // A killed process may leave more than are to be retained, until the next one completes.
    const retained = Math.max(this.#case.options.checkpointing!.numRetained!, adopted)
    const mayKeep = result.status === 'FINISHED' ? 0 : retained
    // A file that could not be removed is for the next process to remove.
    if (!toldOfLeftovers && !this.#plan.happened.some(({ point }) => point === 'disk.unlink')) {
      this.#problems.push(...(await leftoverProblems(files, CHECKPOINTS, handle, mayKeep)))
    }
    if (result.status === 'FINISHED') {
      return { from: savepoint, done: savepoint === undefined, mustGoOn: savepoint !== undefined }
    }
    if (life.ending === 'natural' && result.status !== 'FAILED')
      this.#problems.push(`a job that was left alone is ${result.status}`)
    const { lastCheckpoint } = result
    if (life.backend === 'memory') {
      // Nothing is left to go on from but what it began from; and nothing that it committed may have been later.
      return { from, done: true, mustGoOn: false }
    }
    const next = life.byPath && lastCheckpoint !== undefined ? lastCheckpoint.path : this.#latest()
    return { from: next ?? from, done: false, mustGoOn: true }
  }

  /** A job that cannot be started for want of a disk is started again. */
  async #start(life: Life, from: string | undefined, isAlive: () => boolean): Promise<JobHandle | undefined> {
    const { program, options } = this.#case
    const chance = this.#chance.fork()
    const job = simulatedJob(
      program,
      { ...options, name: 'simulated', stateBackend: { type: life.backend, directory: this.#scratch } },
      {
        chance,
        clock: this.#clock,
        faults: this.#plan,
        outside: this.#outside,
        isAlive,
        slowness: this.#case.slowness,
      },
    )
    const run: RunOptions = { clock: this.#clock, random: chance, parallelism: life.parallelism, from }
    const world = { files: this.#files, uptimeMs: () => (this.#uptimeMs += 2 * chance.next()) }
    try {
      return await runJobIn(world, job, run)
    } catch (cause) {
      if (String(cause).includes('ENOSPC') || String(cause).includes('injected')) return undefined
      throw cause
    }
  }

  /** `latest`, if there is something that the user can mean by it. */
  #latest(): string | undefined {
    const some = this.#files.paths.some((path) => path.startsWith(CHECKPOINTS) && START.test(path))
    return some ? 'latest' : undefined
  }

  async #drive(
    handle: JobHandle,
    life: Life,
    on: { stopped: (path: string) => void; die: () => void },
  ): Promise<JobResult> {
    const chance = this.#chance
    const end: { result?: JobResult; failure?: { readonly cause: unknown } } = {}
    void handle.result.then(
      (value) => (end.result = value),
      (cause: unknown) => (end.failure = { cause }),
    )
    for (let turn = 0; end.result === undefined; turn++) {
      await immediate()
      if (end.failure !== undefined) throw end.failure.cause
      if (turn > STUCK_TURNS) throw new Error(`stuck: ${JSON.stringify(handle.metrics())}`)
      if (turn === life.turns) this.#end(handle, life, on)
      if (chance.chance(this.#case.requestProbability)) this.#request(handle)
      this.#passTime(turn)
    }
    return end.result
  }

  #passTime(turn: number): void {
    const { nextCallMs } = this.#clock
    if (this.#chance.chance(0.3)) this.#clock.advance(this.#chance.int(0, 3))
    // Nothing but time can be waited for, once all else has had its turns.
    const isQuiet = turn % (this.#case.slowness > 0.5 ? 300 : 20) === 0
    if (isQuiet && nextCallMs !== undefined && nextCallMs > this.#clock.now())
      this.#clock.advanceTo(nextCallMs)
  }

  #end(handle: JobHandle, life: Life, on: { stopped: (path: string) => void; die: () => void }): void {
    switch (life.ending) {
      case 'natural':
        return
      case 'suspend':
        void handle.suspend()
        return
      case 'cancel':
        void handle.cancel()
        return
      case 'stop':
        void handle.stop().then(({ path }) => on.stopped(path), refused)
        return
      case 'kill':
      case 'power cut':
        on.die()
        void handle.cancel()
    }
  }

  #request(handle: JobHandle): void {
    const asked = this.#chance.chance(0.7) ? handle.triggerCheckpoint() : handle.triggerSavepoint()
    void asked.catch(refused)
  }
}

interface LifeEnd {
  /** Where the next life begins. */
  readonly from: string | undefined
  readonly done: boolean
  readonly mustGoOn: boolean
}

function refused(cause: unknown): void {
  if (!(cause instanceof UserError)) throw cause
}
