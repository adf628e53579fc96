import type { JobOptions } from '../../../lib/index.ts'
import { Chance } from '../chance.ts'
import { randomProgram, withUpsert, type Program } from '../program.ts'
import { HOSTILE, randomProfile, type FaultProfile } from './faults.ts'
import { randomIds, randomLimits, type TightLimits } from './limits.ts'
import { DEAD_LETTER_AFTER } from './poison.ts'

/** A random program, and how it is dressed for this runtime. */
export interface ServerlessProgram {
  readonly program: Program
  /** Operators after each source that check what they are shown of their state. */
  readonly memory: readonly ('remember' | 'forget')[]
  readonly ttlMs: number
  /** Writer sinks are given only what is committed. */
  readonly committedSinks: boolean
  /** Text that each item carries along. */
  readonly padding: string
  /** Items are sent by HTTP, and the job never ends by itself; else each source has them. */
  readonly fedByHttp: boolean
  /** Some records make a function throw each time, and are to be set aside. */
  readonly hasPoison: boolean
}

export type Ending = 'natural' | 'stop' | 'cancel' | 'suspend'

/** From one start of the job to its end. */
export interface Life {
  readonly parallelism: number
  /** How its user ends it; `natural`: not. */
  readonly ending: Ending
  /** How long after its start. */
  readonly endsAfterMs: number
}

/** Everything about one case, as plain data drawn from its seed. */
export interface Case {
  readonly seed: number
  readonly mode: 'exactly-once' | 'at-least-once'
  readonly program: ServerlessProgram
  readonly options: Omit<JobOptions, 'name'>
  readonly lives: readonly Life[]
  readonly profile: FaultProfile
  readonly limits: TightLimits
  /** How long things go wrong. */
  readonly chaosMs: number
  /** Between two requests of the user for a checkpoint or savepoint, on average; undefined: he never asks. */
  readonly requestEveryMs: number | undefined
  /** Invocations of a function at once. */
  readonly concurrency: number
  readonly source: SourcePace
}

/** How what there is to read becomes known, little by little. */
export interface SourcePace {
  /** Records at once, at most. */
  readonly readMax: number
  /** Of a read: that there is nothing for a while. */
  readonly waits: number
  /** The longest that there is nothing. */
  readonly waitMaxMs: number
}

export function randomCase(seed: number, mode?: Case['mode']): Case {
  const of = checkpointedCase(seed, mode)
  // Drawn apart, so that a case is the same but for it.
  const isWithout = !of.program.hasPoison && new Chance(seed ^ 0x0ff).chance(0.08)
  return isWithout ? withoutCheckpoints(of) : of
}

/** It begins anew where it fails, or nothing is to fail and its user ends it with savepoints. */
function withoutCheckpoints(of: Case): Case {
  const { mode = 'exactly-once', timeout = 600_000, numRetained = 1 } = of.options.checkpointing ?? {}
  const checkpointing = { mode, timeout, numRetained }
  // What ingest has given to a job that rested is not there to begin with anew.
  const beginsAnew = !of.program.fedByHttp && new Chance(of.seed ^ 0xf00).chance(0.5)
  if (beginsAnew) {
    const restart = { type: 'fixed-delay', attempts: 'unlimited', delay: 1_000 } as const
    const lives = of.lives.slice(-1)
    return { ...of, options: { ...of.options, restart, checkpointing }, lives, requestEveryMs: undefined }
  }
  return {
    ...of,
    options: { ...of.options, restart: { type: 'none' }, checkpointing },
    lives: of.lives.map((life) => (life.ending === 'natural' ? life : { ...life, ending: 'stop' })),
    profile: { ...of.profile, userFault: 0 },
  }
}

function checkpointedCase(
  seed: number,
  mode?: Case['mode'],
  {
    sizes = SIZES,
    mayHavePoison = true,
  }: { readonly sizes?: readonly Size[]; readonly mayHavePoison?: boolean } = {},
): Case {
  const chance = new Chance(seed)
  const maxParallelism = chance.pick([3, 4, 8, 16])
  const parallelism = chance.pick([1, 1, 2, 2, 3])
  const rescales = chance.chance(0.4)
  const lives = Array.from({ length: chance.pick([1, 1, 1, 2, 3]) }, (): Life => ({
    parallelism: rescales ? chance.int(1, 3) : parallelism,
    ending: chance.pick(['stop', 'cancel', 'suspend']),
    endsAfterMs: chance.magnitude(500, 120_000),
  }))
  const last = lives.pop()!
  const guarantee =
    mode ?? chance.pick(['exactly-once', 'exactly-once', 'exactly-once', 'at-least-once'] as const)
  const maxConcurrent = chance.pick([1, 1, 2, 3])
  const fedByHttp = chance.chance(0.15)
  const size = chance.pick(sizes)
  // Each such record costs restarts. Drawn apart, so that a case is the same but for it.
  const hasPoison = mayHavePoison && size !== ANY && new Chance(seed ^ 0xdead).chance(0.2)
  const unaligned = chance.chance(0.4) && guarantee === 'exactly-once' && maxConcurrent === 1
  return {
    seed,
    mode: guarantee,
    program: {
      program: withUpsert(
        programOf(size, chance, maxParallelism, fedByHttp),
        // Drawn apart, so that a case without is the same.
        new Chance(seed ^ 0x5e7),
      ),
      fedByHttp,
      hasPoison,
      memory: chance.pick([[], ['remember'], ['forget'], ['remember', 'forget']]),
      ttlMs: chance.magnitude(100, 60_000),
      committedSinks: chance.chance(0.5),
      padding: chance.chance(0.2) ? randomText(chance, chance.magnitude(500, 20_000)) : '',
    },
    options: {
      maxParallelism,
      ...withPoison(randomRestart(chance), hasPoison),
      checkpointing: {
        interval: chance.magnitude(2_000, 30_000),
        minPause: chance.pick([0, 0, 2_000]),
        timeout: chance.pick([60_000, 600_000, 600_000]),
        mode: guarantee,
        maxConcurrent,
        ...(unaligned ? { unaligned, alignedTimeout: chance.pick([0, 0, 1_000, 10_000]) } : {}),
        tolerableFailures: chance.pick([0, 3, 'unlimited', 'unlimited']),
        numRetained: chance.pick([1, 1, 2, 3]),
        retentionOnCancel: 'retain',
        preferCheckpointForRecovery: chance.chance(0.3),
      },
    },
    lives: [...lives, { ...last, ending: 'natural' }],
    profile: randomProfile(chance),
    // Drawn apart, so that a case is the same but for it.
    limits: { ...randomLimits(chance), ids: randomIds(new Chance(seed ^ 0x1d5)) },
    chaosMs: chance.magnitude(20_000, size.chaosMaxMs),
    requestEveryMs: chance.pick([undefined, undefined, size.requestEveryMs, 30_000]),
    concurrency: chance.int(1, 8),
    source: {
      readMax: chance.pick([2, 8, 8]),
      waits: chance.pick([0.3, 0.3, 0.8]),
      waitMaxMs: chance.pick([10, 1_000, 10_000, 20_000]),
    },
  }
}

/** A case in which little is left to chance but the job: for mistakes, which are to be found soon. */
export function hostileCase(seed: number, faults: Partial<FaultProfile> = {}): Case {
  const profile = { ...HOSTILE, ...faults }
  return {
    ...checkpointedCase(seed, 'exactly-once', { sizes: [SMALL], mayHavePoison: false }),
    profile,
    chaosMs: 600_000,
    concurrency: 4,
  }
}

/** Of which there is no less than 3 items of input in all. */
interface Size {
  readonly itemsMax: number
  readonly nodesMax: number
  readonly chaosMaxMs: number
  readonly requestEveryMs: number
}

const MICRO: Size = { itemsMax: 8, nodesMax: 4, chaosMaxMs: 100_000, requestEveryMs: 10_000 }
const TINY: Size = { itemsMax: 15, nodesMax: 6, chaosMaxMs: 200_000, requestEveryMs: 10_000 }
const SMALL: Size = { itemsMax: 60, nodesMax: 9, chaosMaxMs: 600_000, requestEveryMs: 5_000 }
const ANY: Size = { itemsMax: Infinity, nodesMax: Infinity, chaosMaxMs: 1_200_000, requestEveryMs: 5_000 }

/** Every task costs trips, and so does every checkpoint of it: many tiny jobs find more than a few large ones. */
const SIZES: readonly Size[] = [
  ...Array.from({ length: 60 }, () => MICRO),
  ...Array.from({ length: 32 }, () => TINY),
  ...Array.from({ length: 7 }, () => SMALL),
  ANY,
]

function programOf(
  { itemsMax, nodesMax }: Size,
  chance: Chance,
  maxParallelism: number,
  fedByHttp: boolean,
): Program {
  for (;;) {
    const program = randomProgram(chance.fork(), maxParallelism)
    const items = program.nodes.reduce(
      (sum, node) => sum + (node.type === 'source' ? node.splits.flat().length : 0),
      0,
    )
    // Of one partition, which one subtask reads: as of a source function.
    const isOneTask = program.nodes.every((node) => node.type !== 'source' || node.form === 'function')
    if (fedByHttp && !isOneTask) continue
    if (items >= 3 && items <= itemsMax && program.nodes.length <= nodesMax) return program
  }
}

function randomRestart(chance: Chance): NonNullable<JobOptions['restart']> {
  const delay = chance.pick([0, 1_000, 5_000])
  return chance.pick<NonNullable<JobOptions['restart']>>([
    { type: 'none' },
    { type: 'fixed-delay', attempts: 'unlimited', delay },
    { type: 'fixed-delay', attempts: 'unlimited', delay },
    { type: 'fixed-delay', attempts: 2, delay },
    { type: 'failure-rate', maxFailuresPerInterval: 3, interval: 60_000, delay },
    { type: 'exponential-delay', initialDelay: 1 + delay },
  ])
}

/** Every failure at poison is one for the strategy: it must not come to its end. */
function withPoison(
  restart: NonNullable<JobOptions['restart']>,
  hasPoison: boolean,
): Pick<JobOptions, 'restart' | 'poisonRecords'> {
  if (!hasPoison) return { restart }
  return {
    restart: { type: 'fixed-delay', attempts: 'unlimited', delay: 1_000 },
    poisonRecords: { deadLetterAfter: DEAD_LETTER_AFTER },
  }
}

/** Text that does not compress. */
function randomText(chance: Chance, length: number): string {
  let text = ''
  while (text.length < length) text += Math.floor(chance.next() * 2 ** 32).toString(36)
  return text
}
