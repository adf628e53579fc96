import { describe, expect, test } from 'vitest'
import type { TaskGenesis } from '../../lib/serverless/protocol.ts'
import { endedUnderWay, onRows } from './serverless/bringing-out.ts'
import { hostileCase, randomCase, type Case } from './serverless/case.ts'
import { runKernelCase } from './serverless/kernel-run.ts'
import type { Ledger } from './serverless/ledger.ts'
import { MISTAKES } from './serverless/mistakes.ts'
import type { Outcome, Tell } from './serverless/outcome.ts'
import { runCase } from './serverless/run.ts'

/** MILLRACE_SIMULATION_CASES: more or fewer; `npm run simulate` runs on its own. */
const CASES = Number(process.env['MILLRACE_SIMULATION_CASES'] ?? 300)
/** Where the seeds begin. MILLRACE_SIMULATION_SEED: elsewhere; `npm run simulate` begins by chance. */
const FIRST = Number(process.env['MILLRACE_SIMULATION_SEED'] ?? 1)
/** Some of the cases from here on begin with what was under way. */
const FIRST_UNDER_WAY = FIRST + 31
/** What a failure shows of all that happened: its last part, since what is wrong is seen at the end. */
const LINES_SHOWN = 200

/** Fails with all that is wrong, what had happened, and the command that shows it again. */
async function expectWell(
  runtime: 'serverless' | 'kernel',
  seed: number,
  run: (tell?: Tell) => Promise<Outcome>,
  option = '',
): Promise<Outcome> {
  const outcome = await run()
  if (outcome.problems.length === 0) return outcome
  const lines: string[] = []
  await run((line) => lines.push(line))
  throw new Error(
    [
      `seed ${seed}: npm run simulate -- --runtime ${runtime} --seeds 1 --seed ${seed}${option} --trace`,
      ...outcome.problems,
      ...lines.slice(-LINES_SHOWN),
    ].join('\n'),
  )
}

function sumOf(outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number {
  return outcomes.reduce((sum, outcome) => sum + of(outcome), 0)
}

describe('any job on functions that fail as the platform does, and as user code does, comes to what a plain computation does', () => {
  test.each([CASES])('%i cases (invariants 1 to 12)', { timeout: 600_000 }, async () => {
    const outcomes: Outcome[] = []
    for (let seed = FIRST; seed < FIRST + CASES; seed++)
      outcomes.push(await expectWell('serverless', seed, (tell) => runCase(randomCase(seed), { tell })))
    // It is no test if nothing happens.
    if (CASES < 40) return
    for (const figure of ['completed', 'restarts', 'lives', 'items'] as const)
      expect(sumOf(outcomes, (outcome) => outcome[figure])).toBeGreaterThan(CASES / 10)
    const faults = new Set(outcomes.flatMap((outcome) => [...outcome.faults.keys()]))
    expect([...faults]).toEqual(
      expect.arrayContaining(['crash', 'stall', 'duplicate', 'loseAnswer', 'userFault']),
    )
  })
})

/** Tasks of another shape of the job that began with records which were under way. */
async function givenUnderWay(ledger: Ledger): Promise<number> {
  const entries = [...(await ledger.logs()).values()].flat()
  return entries.filter(({ item }) => {
    if (item.type !== 'genesis') return false
    const { restore, stash = [] } = item.genesis.content as TaskGenesis
    return restore !== undefined && stash.length > 0
  }).length
}

describe('a job that is ended in the midst of its work', () => {
  test.each([CASES / 30])(
    'goes on at another parallelism from an unaligned checkpoint: %i cases (invariants 4, 6, 7, 11)',
    { timeout: 600_000 },
    async () => {
      let given = 0
      for (let seed = FIRST_UNDER_WAY; seed < FIRST_UNDER_WAY + CASES / 30; seed++) {
        const atEnd = async (ledger: Ledger): Promise<void> => {
          given += await givenUnderWay(ledger)
        }
        const one = endedUnderWay(hostileCase(seed))
        await expectWell('serverless', seed, (tell) => runCase(one, { tell, atEnd }), ' --unaligned')
      }
      // It is no test if nothing was.
      expect(given > 0 || CASES < 300).toBe(true)
    },
  )
})

describe('what late hands write', () => {
  // A coordinator that was put aside stores the record of a checkpoint when it is subsumed, or the job over.
  test.each([89, 173, 186])(
    'is gone once the job was visited: case %i (invariant 11)',
    { timeout: 60_000 },
    async (seed) => {
      const one = onRows(hostileCase(seed, { lateRow: 0.2, outlive: 1 }))
      const { completed } = await expectWell('serverless', seed, (tell) => runCase(one, { tell }))
      expect(completed).toBeGreaterThan(0)
    },
  )

  test.each([CASES / 30])(
    'is looked for all the time, and nothing else goes: %i cases (invariants 6, 11)',
    { timeout: 300_000 },
    async () => {
      const visitEveryMs = 7_000
      const outcomes: Outcome[] = []
      for (let seed = FIRST; seed < FIRST + CASES / 30; seed++) {
        const run = (tell?: Tell): Promise<Outcome> => runCase(hostileCase(seed), { tell, visitEveryMs })
        outcomes.push(await expectWell('serverless', seed, run))
      }
      expect(sumOf(outcomes, ({ completed }) => completed)).toBeGreaterThan(CASES / 30)
    },
  )
})

describe('an order of the coordinator that takes minutes to be sent, as the queues fail', () => {
  test.each([5000046])(
    'is kept for those who lack it: case %i (invariants 3, 9)',
    { timeout: 60_000 },
    async (seed) => {
      await expectWell('serverless', seed, (tell) => runCase(randomCase(seed), { tell }))
      // It shows what it is there for.
      const { make, as } = MISTAKES.find(({ name }) => name.startsWith('has its coordinator fold'))!
      const { problems } = await runCase(randomCase(seed), { mistake: make() })
      expect(problems.join()).toContain(as)
    },
  )
})

describe('the protocol of turns alone', () => {
  test.each([CASES / 6])(
    'passes everything on once and in order: %i cases (invariants 1 to 3, 9)',
    { timeout: 300_000 },
    async () => {
      const outcomes: Outcome[] = []
      for (let seed = FIRST; seed < FIRST + CASES / 6; seed++)
        outcomes.push(await expectWell('kernel', seed, (tell) => runKernelCase(seed, tell)))
      expect(sumOf(outcomes, (outcome) => outcome.items)).toBeGreaterThan(CASES / 6)
    },
  )
})

/** The first case of the kind, from the first seed on. */
function firstOf(isOfIt: (one: Case) => boolean): Case {
  for (let seed = FIRST; ; seed++) {
    const one = hostileCase(seed)
    if (isOfIt(one)) return one
  }
}

describe('a seed', () => {
  test.each<[string, () => Case]>([
    ['any', () => hostileCase(FIRST)],
    ['unaligned', () => firstOf(({ options }) => options.checkpointing?.unaligned === true)],
    ['gone on from at another parallelism', () => endedUnderWay(hostileCase(FIRST_UNDER_WAY))],
    ['fed by HTTP', () => firstOf(({ program }) => program.fedByHttp)],
    [
      'with upserts',
      () =>
        firstOf(({ program: { program } }) =>
          program.nodes.some((node) => node.type === 'sink' && node.form === 'upsert'),
        ),
    ],
  ])('replays the same run, to the last step: %s', { timeout: 60_000 }, async (_, make) => {
    const lines: string[][] = [[], []]
    for (const told of lines) await runCase(make(), { tell: (line) => told.push(line) })
    expect(lines[0]!.length).toBeGreaterThan(100)
    expect(lines[0]).toEqual(lines[1])
  })
})

describe('a commit that fails after the final checkpoint of a job that takes no others', () => {
  test.each([1623, 1999])('is made up for: case %i (invariants 6, 7)', { timeout: 60_000 }, async (seed) => {
    const { restarts } = await expectWell('serverless', seed, (tell) => runCase(randomCase(seed), { tell }))
    expect(restarts).toBeGreaterThan(0)
  })
})
