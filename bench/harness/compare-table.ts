import type { Comparison } from './compare.ts'
import type { Cell, Table } from './benchmark.ts'

export interface ComparedCase {
  readonly name: string
  readonly comparison: Comparison
  /** Least ratio; undefined: for information. */
  readonly target: number | undefined
}

/** The usual table of a benchmark with a baseline. */
export function compareTable(
  title: string,
  unit: string,
  cases: readonly ComparedCase[],
  notes: readonly string[],
): Table {
  return {
    title,
    columns: ['case', `job, ${unit}/s`, `by hand, ${unit}/s`, 'ratio', 'of the rounds', 'by CPU', 'target'],
    rows: cases.map(({ name, comparison, target }): Cell[] => [
      name,
      Math.round(comparison.subjectPerSecond),
      Math.round(comparison.baselinePerSecond),
      comparison.ratio.toFixed(2),
      `${comparison.ratioMin.toFixed(2)} … ${comparison.ratioMax.toFixed(2)}`,
      comparison.cpuRatio.toFixed(2),
      target === undefined ? '' : `≥ ${target.toFixed(2)}`,
    ]),
    notes,
  }
}
