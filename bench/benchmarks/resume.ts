import type { Benchmark, Cell } from '../harness/benchmark.ts'
import { keyOf, nextProfile, startProfilesJob, type Profile } from '../harness/profiles-job.ts'
import { withScratch } from '../harness/scratch.ts'
import { median } from '../harness/statistics.ts'

const TOTALS = [10_000, 100_000, 1_000_000]
const TOTALS_QUICK = [10_000, 100_000]

export const resume: Benchmark = {
  name: 'resume',
  title: 'Memory that a key takes, and how long a job needs to go on from a checkpoint',
  nodeOptions: ['--max-old-space-size=4096'],
  async run({ quick, rounds }) {
    const measured: Measured[] = []
    for (const total of quick ? TOTALS_QUICK : TOTALS) {
      measured.push(await withScratch((directory) => measure(total, rounds, directory)))
    }
    return {
      tables: [
        {
          title: 'filesystem backend, one task, a small object a key',
          columns: [
            'keys',
            'heap a key, bytes',
            'in a Map, bytes',
            'checkpoint, bytes',
            'resume, ms',
            'resume, keys/s',
          ],
          rows: measured.map(({ total, heapBytes, mapBytes, checkpointBytes, resumeMs }): Cell[] => [
            total,
            Math.round(heapBytes / total),
            Math.round(mapBytes / total),
            checkpointBytes,
            resumeMs.toFixed(0),
            Math.round((total / resumeMs) * 1_000),
          ]),
          notes: [
            'Heap: after garbage collection, what it grew by. The Map is by the same text to the same object.',
            `Resume: from runJob with the checkpoint's path, its segments checked, to the first update of a restored key; median of ${rounds}.`,
          ],
        },
      ],
      checks: [],
    }
  },
}

interface Measured {
  readonly total: number
  readonly heapBytes: number
  readonly mapBytes: number
  readonly checkpointBytes: number
  readonly resumeMs: number
}

async function measure(total: number, rounds: number, directory: string): Promise<Measured> {
  const keys = Array.from({ length: total }, (_, key) => key)
  const byHand = new Map<string, Profile>()
  const mapBytes = heapGrowth(() => {
    for (const key of keys) byHand.set(keyOf(key), nextProfile(undefined, key))
  })
  byHand.clear()

  const job = await startProfilesJob(directory)
  await job.update([0])
  const heapBefore = heapUsed()
  await job.update(keys)
  const heapBytes = heapUsed() - heapBefore
  const { figures } = await job.checkpoint()
  let { lastCheckpoint } = await job.handle.suspend()

  const resumeMs: number[] = []
  // The first warms up.
  for (let round = 0; round <= rounds; round++) {
    globalThis.gc?.()
    const startedAtMs = performance.now()
    const resumed = await startProfilesJob(directory, { from: lastCheckpoint!.path })
    await resumed.update([0])
    if (round > 0) resumeMs.push(performance.now() - startedAtMs)
    ;({ lastCheckpoint } = await resumed.handle.suspend())
  }
  return { total, heapBytes, mapBytes, checkpointBytes: figures.bytes, resumeMs: median(resumeMs) }
}

function heapGrowth(work: () => void): number {
  const before = heapUsed()
  work()
  return heapUsed() - before
}

function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
