import type { Settings } from './benchmark.ts'
import { median } from './statistics.ts'

export interface Contest {
  /** Records that each side takes in one round. */
  readonly records: number
  /** The job. Resolves to the milliseconds that it took by the clock. */
  readonly subject: () => Promise<number>
  /** The hand-written equivalent. */
  readonly baseline: () => Promise<number>
}

export interface Comparison {
  /** Records a second, medians of the rounds. */
  readonly subjectPerSecond: number
  readonly baselinePerSecond: number
  /** Throughput of the subject to that of the baseline: the median of the rounds' ratios. */
  readonly ratio: number
  readonly ratioMin: number
  readonly ratioMax: number
  /** The same by processor time of the whole process: steadier on a machine that does other things too. */
  readonly cpuRatio: number
}

interface Round {
  readonly subject: Lap
  readonly baseline: Lap
}

interface Lap {
  readonly ms: number
  readonly cpuMs: number
}

/**
 * Runs both sides in turn, so that whatever else the machine does meets both alike. The side that begins changes from
 * round to round. The first round warms up and does not count.
 */
export async function compare(contest: Contest, settings: Settings): Promise<Comparison> {
  const rounds: Round[] = []
  for (let round = 0; round <= settings.rounds; round++) {
    const first = await lap(round % 2 === 0 ? contest.baseline : contest.subject)
    const second = await lap(round % 2 === 0 ? contest.subject : contest.baseline)
    if (round === 0) continue
    rounds.push(round % 2 === 0 ? { baseline: first, subject: second } : { subject: first, baseline: second })
  }
  const ratios = rounds.map(({ subject, baseline }) => baseline.ms / subject.ms)
  const perSecond = (ms: number): number => (contest.records / ms) * 1_000
  return {
    subjectPerSecond: perSecond(median(rounds.map(({ subject }) => subject.ms))),
    baselinePerSecond: perSecond(median(rounds.map(({ baseline }) => baseline.ms))),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    cpuRatio: median(rounds.map(({ subject, baseline }) => baseline.cpuMs / subject.cpuMs)),
  }
}

/** Begins without the garbage of the lap before. */
async function lap(side: () => Promise<number>): Promise<Lap> {
  globalThis.gc?.()
  const before = process.cpuUsage()
  const ms = await side()
  const { user, system } = process.cpuUsage(before)
  return { ms, cpuMs: (user + system) / 1_000 }
}
