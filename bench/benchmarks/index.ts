import type { Benchmark } from '../harness/benchmark.ts'
import { checkpointCost } from './checkpoint-cost.ts'
import { keyedCount } from './keyed-count.ts'
import { largeState } from './large-state.ts'
import { resume } from './resume.ts'
import { statelessChain } from './stateless-chain.ts'
import { windows } from './windows.ts'

/** In the order in which they run. */
export const benchmarks: readonly Benchmark[] = [
  keyedCount,
  statelessChain,
  windows,
  largeState,
  checkpointCost,
  resume,
]
