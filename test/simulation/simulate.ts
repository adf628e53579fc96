// npm run simulate -- --seeds 1000 --seed 1: runs random cases and tells of those that went wrong.
import { parseArgs } from 'node:util'
import { randomCase, runCase, type Backend, type Case } from './run-case.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    mode: { type: 'string', default: 'exactly-once' },
    backends: { type: 'string', default: 'memory,filesystem,lmdb' },
    /** Ends with the first case that goes wrong. */
    first: { type: 'boolean', default: false },
    /** Tells all that happens. */
    trace: { type: 'boolean', default: false },
  },
})

const first = Number(values.seed)
const mode = values.mode as Case['mode']
const backends = values.backends.split(',') as Backend[]
const totals = { cases: 0, lives: 0, completed: 0, restarts: 0, faults: 0, items: 0 }
const wrong: number[] = []

console.log(`seeds ${first} to ${first + Number(values.seeds) - 1}, ${mode}, ${backends.join(', ')}`)
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const one = randomCase(seed, mode, backends)
  try {
    const outcome = await runCase(one, values.trace ? (line) => console.log(line) : undefined)
    totals.lives += outcome.lives
    totals.completed += outcome.completed
    totals.restarts += outcome.restarts
    totals.faults += outcome.faults.length
    totals.items += outcome.items
    if (outcome.problems.length === 0) continue
    wrong.push(seed)
    console.log(`seed ${seed}: ${outcome.problems.join('\n')}\n  faults ${JSON.stringify(outcome.faults)}`)
  } catch (cause) {
    wrong.push(seed)
    console.log(`seed ${seed}:`, cause)
  } finally {
    totals.cases++
  }
  if (values.first && wrong.length > 0) break
}
console.log(JSON.stringify(totals))
if (wrong.length > 0) console.log(`wrong: ${wrong.join(' ')}`)
process.exitCode = wrong.length > 0 ? 1 : 0
