/**
 * `npm run bench`: runs the benchmarks one after the other, prints what they found and writes it to
 * `bench/results/latest.json`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchmarks } from './benchmarks/index.ts'
import { isMet, type Outcome, type Settings } from './harness/benchmark.ts'
import { describeMachine } from './harness/machine.ts'
import { renderCheck, renderTable } from './harness/render.ts'
import { runChild } from './harness/run-child.ts'

const ROUNDS = 5
const ROUNDS_QUICK = 1
const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))

const USAGE = `Usage: npm run bench -- [options]

  --filter <name>  only benchmarks whose name contains this: ${benchmarks.map(({ name }) => name).join(', ')}
  --rounds <n>     rounds that count, after the warm-up (default ${ROUNDS})
  --quick          small inputs and one round: shows that everything works, measures little
  --json           print the results as JSON instead of tables
  --check          exit with 1 if a target is missed`

process.exitCode = await main()

async function main(): Promise<number> {
  const options = optionsGiven()
  if (typeof options === 'number') return options
  const { filter = '', quick, rounds = quick ? ROUNDS_QUICK : ROUNDS } = options
  const settings: Settings = { quick, rounds: Number(rounds) }
  if (!Number.isInteger(settings.rounds) || settings.rounds < 1) {
    console.error(`--rounds: expected a whole number above 0, got '${rounds}'`)
    return 2
  }
  const chosen = benchmarks.filter(({ name }) => name.includes(filter))
  if (chosen.length === 0) {
    console.error(
      `--filter: expected a part of ${benchmarks.map(({ name }) => name).join(', ')}, got '${filter}'`,
    )
    return 2
  }
  const say = options.json ? console.error : console.log
  const machine = describeMachine()
  say(
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}, Node ${machine.node}, ${machine.date}`,
  )
  const results: Record<string, Outcome> = {}
  for (const benchmark of chosen) {
    say(`\n${benchmark.name}: ${benchmark.title}`)
    const outcome = await runChild<Outcome>(
      'worker',
      [benchmark.name, JSON.stringify(settings)],
      benchmark.nodeOptions,
    )
    results[benchmark.name] = outcome
    for (const table of outcome.tables) say(renderTable(table))
    for (const check of outcome.checks) say(renderCheck(check))
  }
  const text = JSON.stringify({ machine, settings, results }, undefined, 2)
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(`${RESULTS}latest.json`, `${text}\n`)
  if (options.json) console.log(text)
  const missed = Object.values(results).flatMap(({ checks }) => checks.filter((check) => !isMet(check)))
  if (missed.length === 0 || !options.check) return 0
  console.error(`\n${missed.length} missed:\n${missed.map(renderCheck).join('\n')}`)
  return 1
}

/** Or the exit code of a command line that asks for nothing to be measured. */
function optionsGiven() {
  if (process.argv.includes('--help')) {
    console.log(USAGE)
    return 0
  }
  try {
    return parseArgs({
      options: {
        filter: { type: 'string' },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
      },
    }).values
  } catch (cause) {
    // All that parseArgs throws is about what was typed.
    console.error(`error: ${(cause as Error).message}\n\n${USAGE}`)
    return 2
  }
}
