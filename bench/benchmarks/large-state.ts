import type { LargeStateFigures, LargeStateRun } from '../large-state-run.ts'
import type { Benchmark, Cell } from '../harness/benchmark.ts'
import { runChild } from '../harness/run-child.ts'
import { withScratch } from '../harness/scratch.ts'
import { median } from '../harness/statistics.ts'

const HEAP_MB = 4_096
const SMALL_HEAP_MB = 128
/** 256 characters a key: 300 MB and more of state, not counting what holds it together. */
const LARGE = { keys: 1_200_000, updates: 400_000 }
const LARGE_QUICK = { keys: 60_000, updates: 60_000 }
/** Well within the part of the heap that the cache takes, by its own estimate. */
const FITTING = { keys: 25_000, updates: 1_000_000 }
const FITTING_QUICK = { keys: 20_000, updates: 50_000 }
const TARGET = 0.2

/** A run with the large state takes minutes, most of which go into checkpoints. */
const ROUNDS_MAX = 2

export const largeState: Benchmark = {
  name: 'large-state',
  title: 'Keyed state larger than the heap in LMDB, a checkpoint every ten seconds',
  async run({ rounds, quick }) {
    const large = quick ? LARGE_QUICK : LARGE
    const fitting = quick ? FITTING_QUICK : FITTING
    const cases = [
      { name: `${large.keys} keys, more than the heap`, size: large, lmdbHeapMb: SMALL_HEAP_MB },
      { name: `${fitting.keys} keys, which fit its cache`, size: fitting, lmdbHeapMb: HEAP_MB },
    ]
    const rows: Cell[][] = []
    const ratios: number[] = []
    for (const { name, size, lmdbHeapMb } of cases) {
      const pairs: { readonly heap: LargeStateFigures; readonly lmdb: LargeStateFigures }[] = []
      for (let round = 0; round < Math.min(rounds, ROUNDS_MAX); round++) {
        const heap = await runOnce({ ...size, backend: 'filesystem' }, HEAP_MB)
        const lmdb = await runOnce({ ...size, backend: 'lmdb' }, lmdbHeapMb)
        pairs.push({ heap, lmdb })
      }
      for (const backend of ['heap', 'lmdb'] as const) {
        const figures = pairs.map((pair) => pair[backend])
        const mid = (field: keyof LargeStateFigures): number =>
          Math.round(median(figures.map((one) => one[field])))
        rows.push([
          name,
          backend === 'heap' ? 'filesystem' : 'lmdb',
          mid('createdPerSecond'),
          mid('updatedPerSecond'),
          mid('heapLimitMb'),
          mid('peakMemoryMb'),
          mid('checkpoints'),
        ])
      }
      ratios.push(median(pairs.map(({ heap, lmdb }) => secondsOf(heap, size) / secondsOf(lmdb, size))))
    }
    return {
      tables: [
        {
          title: 'read, change and write one value a record',
          columns: [
            'state',
            'backend',
            'new keys/s',
            'updates/s',
            'heap limit, MB',
            'peak memory, MB',
            'checkpoints',
          ],
          rows,
          notes: [
            'Keys are created in order, then updated at random, all equally likely: the worst case for a cache.',
            'Peak memory is that of the whole process: the heap, buffers of checkpoints being written, and those pages ' +
              'of the database that the system keeps mapped and may drop at any time.',
            `Throughput of lmdb to filesystem over both phases: ${ratios.map((ratio) => ratio.toFixed(2)).join(' where it does not fit, ')} where it fits.`,
          ],
        },
      ],
      checks: [
        {
          what: 'large-state, lmdb to filesystem: ratio of throughput',
          value: ratios[0]!,
          atLeast: TARGET,
        },
      ],
    }
  },
}

function runOnce(run: Omit<LargeStateRun, 'directory'>, heapMb: number): Promise<LargeStateFigures> {
  return withScratch((directory) =>
    runChild<LargeStateFigures>(
      'large-state-run',
      [JSON.stringify({ ...run, directory })],
      [`--max-old-space-size=${heapMb}`],
    ),
  )
}

function secondsOf(
  figures: LargeStateFigures,
  size: { readonly keys: number; readonly updates: number },
): number {
  return size.keys / figures.createdPerSecond + size.updates / figures.updatedPerSecond
}
