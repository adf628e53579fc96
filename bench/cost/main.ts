/**
 * `npm run bench:cost`: what a job costs on functions, from the counted calls of the real handlers on an in-memory AWS and a
 * virtual clock, at list prices, next to the budget.
 */
import { commandLine } from '../../scripts/command-line.ts'
import { isMet, type Check, type Table } from '../harness/benchmark.ts'
import { describeMachine } from '../harness/machine.ts'
import { renderCheck, renderTable } from '../harness/render.ts'
import { ASSUMPTIONS, POLLED_QUEUES, WATCHED } from './bill/assumptions.ts'
import { PRICES } from './bill/prices.ts'
import { breakEven } from './measures/break-even.ts'
import { measureLoads, reportLoads } from './measures/loads.ts'
import { measureStateSize } from './measures/state-size.ts'
import { measureTurns } from './measures/turns.ts'

const USAGE = `Usage: npm run bench:cost -- [options]

  --quick   fewer keys and events: shows that everything works; the figures are not those of the budget
  --json    print the results as JSON instead of tables
  --check   exit with 1 if a line of the budget is missed`

const { values: options } = commandLine(USAGE, {
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
})

process.exitCode = await main()

async function main(): Promise<number> {
  const { quick, json, check } = options
  const say = json ? console.error : console.log
  const settings = { quick, say: console.error }
  const machine = describeMachine()
  say(`${machine.cpu}, ${machine.cores} cores, ${machine.os}, Node ${machine.node}, ${machine.date}`)
  const turns = await measureTurns(settings)
  const sizes = await measureStateSize(settings)
  const costs = await measureLoads(settings)
  const loads = reportLoads(costs)
  const tables: readonly Table[] = [
    ...loads.tables,
    ...turns.tables,
    ...sizes.tables,
    breakEven(costs),
    assumed(),
  ]
  const checks: readonly Check[] = [...loads.checks, ...turns.checks, ...sizes.checks]
  for (const table of tables) say(renderTable(table))
  for (const one of checks) say(renderCheck(one))
  if (json) {
    const assumptions = { ...ASSUMPTIONS, queues: POLLED_QUEUES, watched: WATCHED }
    const results = { machine, quick, prices: PRICES, assumptions, costs, tables, checks }
    console.log(JSON.stringify(results, undefined, 2))
  }
  return check && checks.some((one) => !isMet(one)) ? 1 : 0
}

function assumed(): Table {
  const { latencyMs, ...others } = ASSUMPTIONS
  return {
    title: 'Assumed, and not measured: bench/cost/bill/assumptions.ts says why; prices are in prices.ts',
    columns: ['what', 'value'],
    rows: [
      ...Object.entries(others),
      ...Object.entries(latencyMs).map(([what, ms]) => [`ms of ${what}`, ms] as const),
    ],
  }
}
