// Runs one benchmark in a process of its own, so that none meets code that another has tuned the compiler for.
import { benchmarks } from './benchmarks/index.ts'
import type { Settings } from './harness/benchmark.ts'

const [name, settings] = process.argv.slice(2)
const benchmark = benchmarks.find((one) => one.name === name)
if (benchmark === undefined || process.send === undefined) {
  throw new Error('Expected to be started by main.ts with the name of a benchmark')
}
const outcome = await benchmark.run(JSON.parse(settings!) as Settings)
process.send(outcome, () => process.disconnect())
