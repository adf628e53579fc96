// npm run simulate -- --seeds 1000 --seed 1: runs random cases and tells of those that went wrong.
import type { ActorId } from '../../lib/model/ids.ts'
import { commandLine, wholeNumber } from '../../scripts/command-line.ts'
import { randomCase, runCase, unalignedCase, type Backend, type Case } from './run-case.ts'
import {
  hostileCase,
  randomCase as randomServerlessCase,
  type Case as ServerlessCase,
} from './serverless/case.ts'
import type { KnownMistake } from './serverless/known-mistake.ts'
import { MISTAKES } from './serverless/mistakes.ts'
import { endedUnderWay } from './serverless/bringing-out.ts'
import { dumpLog } from './serverless/dump.ts'
import { runKernelCase } from './serverless/kernel-run.ts'
import type { Ledger } from './serverless/ledger.ts'
import { runCase as runServerlessCase } from './serverless/run.ts'

const USAGE = `Usage: npm run simulate -- [options]

Runs random jobs through schedules of failures, and tells of those that came out wrong.

  --runtime   embedded: the runtime of one process. serverless: functions, queues, table and bucket, simulated.
              kernel: the serverless protocol of turns alone. all: one after the other. Default: all
  --seeds     cases of each runtime. Default: 1000
  --seed      the first of them; the same seed is the same case. Default: by chance
  --unaligned exactly-once cases with unaligned checkpoints, gone on from at another parallelism. Not for the kernel
  --mode      exactly-once or at-least-once. Default: exactly-once; serverless: by chance
  --backends  embedded: the state backends to choose from. Default: memory,filesystem,lmdb
  --mistake   serverless: with this mistake of those that the tests know, or the only one whose name has this in it
  --first     ends with the first case that goes wrong
  --trace     tells all that happens
  --log       serverless: tells the whole log of this actor at the end, such as task:count#0`

const MODES: readonly Case['mode'][] = ['exactly-once', 'at-least-once']
const BACKENDS: readonly Backend[] = ['memory', 'filesystem', 'lmdb']

const { values, refuse } = commandLine(USAGE, {
  runtime: { type: 'string', default: 'all' },
  seeds: { type: 'string', default: '1000' },
  seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
  unaligned: { type: 'boolean', default: false },
  mode: { type: 'string' },
  backends: { type: 'string', default: BACKENDS.join(',') },
  mistake: { type: 'string' },
  first: { type: 'boolean', default: false },
  trace: { type: 'boolean', default: false },
  log: { type: 'string' },
})

interface Result {
  readonly problems: readonly string[]
  /** To be added up over all cases. */
  readonly figures: Readonly<Record<string, number>>
}

type Tell = ((line: string) => void) | undefined

const first =
  wholeNumber(values.seed, 0) ?? refuse(`--seed: expected a whole number of at least 0, got '${values.seed}'`)
const count =
  wholeNumber(values.seeds, 1) ??
  refuse(`--seeds: expected a whole number of at least 1, got '${values.seeds}'`)
const mode = values.mode === undefined ? undefined : oneOf('--mode', values.mode, MODES)
const backends = values.backends.split(',').map((one) => oneOf('--backends', one, BACKENDS))
const mistaken = values.mistake === undefined ? undefined : mistakeOf(values.mistake)
if (mistaken !== undefined && values.runtime !== 'serverless')
  refuse(`--mistake: expected --runtime serverless, got '${values.runtime}'`)
const PROGRESS_EVERY_MS = 10_000

const RUNTIMES: Readonly<Record<string, (seed: number, tell: Tell) => Promise<Result>>> = {
  embedded: async (seed, tell) => {
    const outcome = await runCase(chosenCase(seed), tell)
    const { problems, faults, lives, completed, restarts, items } = outcome
    const injected = faults.length === 0 ? [] : [`faults ${JSON.stringify(faults)}`]
    return {
      problems: problems.length === 0 ? [] : [...problems, ...injected],
      figures: { lives, completed, restarts, faults: faults.length, items },
    }
  },
  serverless: async (seed, tell) => {
    const { log } = values
    const atEnd =
      log === undefined ? undefined : (ledger: Ledger) => dumpLog(ledger, log as ActorId, console.log)
    const mistake = mistaken?.make()
    return resultOf(await runServerlessCase(chosenServerlessCase(seed), { tell, atEnd, mistake }))
  },
  kernel: async (seed, tell) => resultOf(await runKernelCase(seed, tell)),
}

function chosenCase(seed: number): Case {
  return values.unaligned ? unalignedCase(seed) : randomCase(seed, mode ?? 'exactly-once', backends)
}

function chosenServerlessCase(seed: number): ServerlessCase {
  return values.unaligned ? endedUnderWay(hostileCase(seed)) : randomServerlessCase(seed, mode)
}

const runtimes = Object.keys(RUNTIMES)
const chosen = oneOf('--runtime', values.runtime, [...runtimes, 'all'])
for (const runtime of chosen === 'all' ? runtimes : [chosen])
  if (!(await runAll(runtime))) process.exitCode = 1

function oneOf<T extends string>(option: string, given: string, known: readonly T[]): T {
  return (
    known.find((one) => one === given) ??
    refuse(`${option}: expected one of ${known.join(', ')}; got '${given}'`)
  )
}

function mistakeOf(given: string): KnownMistake {
  const fitting = MISTAKES.filter(({ name }) => name === given || name.includes(given))
  const meant = fitting.find(({ name }) => name === given) ?? (fitting.length === 1 ? fitting[0] : undefined)
  const names = (fitting.length === 0 ? MISTAKES : fitting).map(({ name }) => `\n  ${name}`).join('')
  return meant ?? refuse(`--mistake: expected one of these, got '${given}':${names}`)
}

/** Whether all went well. */
async function runAll(runtime: string): Promise<boolean> {
  const totals: Record<string, number> = { cases: 0 }
  const wrong: number[] = []
  const tell: Tell = values.trace ? (line) => console.log(line) : undefined
  let toldAtMs = Date.now()
  console.log(`${runtime}: seeds ${first} to ${first + count - 1}`)
  for (let seed = first; seed < first + count; seed++) {
    const replay = `npm run simulate -- --runtime ${runtime} --seeds 1 --seed ${seed}${mode === undefined ? '' : ` --mode ${mode}`}${values.unaligned ? ' --unaligned' : ''} --trace`
    try {
      const { problems, figures } = await RUNTIMES[runtime]!(seed, tell)
      for (const [name, value] of Object.entries(figures)) totals[name] = (totals[name] ?? 0) + value
      if (problems.length > 0) {
        wrong.push(seed)
        console.log(`seed ${seed}: ${replay}\n  ${problems.slice(0, 10).join('\n  ')}`)
      }
    } catch (cause) {
      wrong.push(seed)
      console.log(`seed ${seed}: ${replay}\n `, cause)
    }
    totals['cases']!++
    if (values.first && wrong.length > 0) break
    if (Date.now() - toldAtMs < PROGRESS_EVERY_MS) continue
    toldAtMs = Date.now()
    console.log(`${runtime}: ${totals['cases']} of ${count}, ${wrong.length} wrong`)
  }
  console.log(JSON.stringify(totals))
  if (wrong.length > 0) console.log(`wrong: ${wrong.join(' ')}`)
  return wrong.length === 0
}

function resultOf(outcome: Awaited<ReturnType<typeof runServerlessCase>>): Result {
  const { problems, lives, completed, restarts, faults, processes, steps, items, virtualMs } = outcome
  const injected = [...faults.values()].reduce((sum, times) => sum + times, 0)
  const virtualHours = virtualMs / 3_600_000
  return {
    problems,
    figures: { lives, completed, restarts, faults: injected, processes, steps, items, virtualHours },
  }
}
