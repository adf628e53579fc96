import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Benchmark, Cell } from '../harness/benchmark.ts'
import { watchPauses } from '../harness/pauses.ts'
import { startProfilesJob } from '../harness/profiles-job.ts'
import { withScratch } from '../harness/scratch.ts'
import { lowerQuartile, median } from '../harness/statistics.ts'

const TOTALS = [10_000, 100_000, 1_000_000]
const TOTALS_QUICK = [10_000, 100_000]
const CHANGED = 1_000
const CHANGED_PART = 0.01
const CHECKPOINTS = 24
const CHECKPOINTS_QUICK = 6
/** For merging on the side to come to its end. */
const SETTLE_MS = 100
/** Twice as much is still flat. */
const BYTES_SPREAD_MAX = 2
/** What the machine adds to a pause now and then, beyond a factor of two. */
const PAUSE_NOISE_MS = 5

export const checkpointCost: Benchmark = {
  name: 'checkpoint-cost',
  title: 'What a checkpoint costs, by keys in all and keys changed since the one before',
  nodeOptions: ['--max-old-space-size=4096'],
  async run({ quick }) {
    const checkpoints = quick ? CHECKPOINTS_QUICK : CHECKPOINTS
    const measured: Measured[] = []
    for (const total of quick ? TOTALS_QUICK : TOTALS) {
      for (const changed of new Set([CHANGED, total * CHANGED_PART])) {
        measured.push(await withScratch((directory) => measure({ total, changed, checkpoints, directory })))
      }
    }
    const alike = measured.filter(({ changed }) => changed === CHANGED)
    const bytes = alike.map((one) => one.bytes)
    const pauses = alike.map((one) => one.quietPauseMs)
    return {
      tables: [
        {
          title: `medians of ${checkpoints} checkpoints each; filesystem backend, one task, no other load`,
          columns: [
            'keys',
            'changed',
            'bytes',
            'pause, ms',
            'quiet, ms',
            'durable after, ms',
            'idle pause, ms',
            'merged, bytes each',
            'merge pause, ms',
            'first: bytes',
            'first: pause, ms',
          ],
          rows: measured.map((one): Cell[] => [
            one.total,
            one.changed,
            Math.round(one.bytes),
            one.pauseMs.toFixed(1),
            one.quietPauseMs.toFixed(1),
            one.durationMs.toFixed(0),
            one.idleMs.toFixed(1),
            Math.round(one.mergedBytes),
            one.mergePauseMs.toFixed(1),
            one.firstBytes,
            one.firstPauseMs.toFixed(1),
          ]),
          notes: [
            'Pause: the longest time for which nothing else could run on the thread between the order for the checkpoint ' +
              'and its completion. Quiet: its lower quartile, with less of what else the machine did. Idle pause: the same ' +
              'over as long without a checkpoint.',
            'Merged: what merging small segments on the side wrote, spread over all checkpoints. Merge pause: the longest ' +
              'in the time after any of the checkpoints.',
            'First: the checkpoint that holds every key.',
          ],
        },
      ],
      checks: [
        {
          what: `checkpoint-cost, ${CHANGED} changed keys: most bytes to fewest, over ${alike.length} totals`,
          value: Math.max(...bytes) / Math.min(...bytes),
          atMost: BYTES_SPREAD_MAX,
        },
        {
          what: `checkpoint-cost, ${CHANGED} changed keys: longest quiet pause beyond twice the shortest, ms`,
          value: Math.max(...pauses) - 2 * Math.min(...pauses),
          atMost: PAUSE_NOISE_MS,
        },
      ],
    }
  },
}

interface Case {
  readonly total: number
  readonly changed: number
  readonly checkpoints: number
  readonly directory: string
}

interface Measured {
  readonly total: number
  readonly changed: number
  readonly bytes: number
  readonly pauseMs: number
  /** Of the quarter of the checkpoints that least came between. */
  readonly quietPauseMs: number
  readonly durationMs: number
  readonly idleMs: number
  readonly mergedBytes: number
  readonly mergePauseMs: number
  readonly firstBytes: number
  readonly firstPauseMs: number
}

async function measure({ total, changed, checkpoints, directory }: Case): Promise<Measured> {
  const job = await startProfilesJob(directory)
  const files = new SegmentFiles(directory)
  const pauses = watchPauses()
  await job.update(Array.from({ length: total }, (_, key) => key))
  pauses.takeLongestMs()
  const { figures: first } = await job.checkpoint()
  const firstPauseMs = pauses.takeLongestMs()
  files.takeNewBytes()

  const rounds: { readonly bytes: number; readonly pauseMs: number; readonly durationMs: number }[] = []
  const idleMs: number[] = []
  let mergedBytes = 0
  let mergePauseMs = 0
  for (let round = 0; round < checkpoints; round++) {
    const stride = Math.floor(total / changed)
    await job.update(Array.from({ length: changed }, (_, i) => (i * stride + round) % total))
    pauses.takeLongestMs()
    const startedAtMs = performance.now()
    const { figures } = await job.checkpoint()
    const durationMs = performance.now() - startedAtMs
    rounds.push({ bytes: figures.bytes, pauseMs: pauses.takeLongestMs(), durationMs })
    await sleep(SETTLE_MS)
    mergePauseMs = Math.max(mergePauseMs, pauses.takeLongestMs())
    await sleep(durationMs)
    idleMs.push(pauses.takeLongestMs())
    mergedBytes += files.takeNewBytes() - figures.bytes
  }
  pauses.stop()
  await job.handle.cancel()
  return {
    total,
    changed,
    bytes: median(rounds.map((round) => round.bytes)),
    pauseMs: median(rounds.map((round) => round.pauseMs)),
    quietPauseMs: lowerQuartile(rounds.map((round) => round.pauseMs)),
    durationMs: median(rounds.map((round) => round.durationMs)),
    idleMs: median(idleMs),
    mergedBytes: mergedBytes / checkpoints,
    mergePauseMs,
    firstBytes: first.bytes,
    firstPauseMs,
  }
}

/** The segments in a directory of checkpoints. */
class SegmentFiles {
  private readonly directory: string
  private readonly seen = new Set<string>()

  constructor(directory: string) {
    this.directory = directory
  }

  /** The size of those that were not there at the last call. */
  takeNewBytes(): number {
    let bytes = 0
    for (const name of readdirSync(this.directory, { recursive: true, encoding: 'utf8' })) {
      if (this.seen.has(name) || name.endsWith('_metadata')) continue
      this.seen.add(name)
      const stat = statSync(join(this.directory, name), { throwIfNoEntry: false })
      if (stat?.isFile() === true) bytes += stat.size
    }
    return bytes
  }
}
