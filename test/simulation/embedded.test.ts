import { describe, expect, test } from 'vitest'
import { randomCase, runCase, unalignedCase, type Backend, type Case, type Outcome } from './run-case.ts'

/** Cases of each kind. MILLRACE_SIMULATION_CASES: more or fewer; `npm run simulate` runs on its own. */
const CASES = Number(process.env['MILLRACE_SIMULATION_CASES'] ?? 250)
/** Where the seeds begin. MILLRACE_SIMULATION_SEED: others. */
const FIRST = Number(process.env['MILLRACE_SIMULATION_SEED'] ?? 1)

async function outcomeOf(seed: number, mode: Case['mode'], backends: readonly Backend[]): Promise<Outcome> {
  const replay = `npm run simulate -- --seeds 1 --seed ${seed} --mode ${mode} --backends ${backends.join()} --trace`
  let outcome: Outcome
  try {
    outcome = await runCase(randomCase(seed, mode, backends))
  } catch (cause) {
    throw new Error(`seed ${seed}: ${replay}`, { cause })
  }
  if (outcome.problems.length > 0)
    throw new Error([`seed ${seed}: ${replay}`, ...outcome.problems].join('\n'))
  return outcome
}

describe('any job, on any input, with any failures, comes to what a plain computation does', () => {
  const kinds: readonly (readonly [Case['mode'], readonly Backend[], number])[] = [
    ['exactly-once', ['filesystem'], 4 * CASES],
    ['exactly-once', ['memory'], CASES],
    ['exactly-once', ['memory', 'filesystem', 'lmdb'], CASES / 4],
    ['exactly-once', ['lmdb'], CASES / 8],
    ['at-least-once', ['filesystem', 'memory'], CASES],
  ]
  test.each(kinds)(
    '%s, %s: %i cases (invariants 4 to 7, 9 to 11)',
    { timeout: 120_000 },
    async (mode, backends, cases) => {
      const totals = { completed: 0, restarts: 0, faults: 0, lives: 0 }
      for (let seed = FIRST; seed < FIRST + cases; seed++) {
        const outcome = await outcomeOf(seed, mode, backends)
        totals.completed += outcome.completed
        totals.restarts += outcome.restarts
        totals.faults += outcome.faults.length
        totals.lives += outcome.lives
      }
      // It is no test if nothing happens.
      if (cases < 20) return
      for (const total of Object.values(totals)) expect(total).toBeGreaterThan(cases / 10)
    },
  )
})

test(
  `with unaligned checkpoints as well, at any parallelism: ${CASES} cases (invariants 4, 6, 11)`,
  { timeout: 120_000 },
  async () => {
    let completed = 0
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const outcome = await runCase(unalignedCase(seed))
      const replay = `npm run simulate -- --runtime embedded --seeds 1 --seed ${seed} --unaligned --trace`
      if (outcome.problems.length > 0) throw new Error([replay, ...outcome.problems].join('\n'))
      completed += outcome.completed
    }
    expect(completed).toBeGreaterThan(CASES / 10)
  },
)

describe('what once went wrong', () => {
  // The seeds mean what they do with this generator alone: a change to it makes them cases like any other.
  const once: readonly (readonly [number, string])[] = [
    [
      36,
      'attempts of two processes had the same numbers, and sinks took new transactions for committed ones',
    ],
    [38, 'a job killed after it had gone on from a savepoint began from before it'],
    [389, 'a segment that a checkpoint under way referred to was merged away and removed'],
    [571, 'a job that failed in the last step of a stop began from before it'],
    [3491, 'a task restored after the end of its input kept event time from going on'],
    [3695, 'a segment was taken for durable because somebody had failed to write it'],
  ]
  test.each(once)('seed %i: %s', async (seed) => {
    const { problems } = await outcomeOf(seed, 'exactly-once', ['filesystem'])
    expect(problems).toEqual([])
  })
})
