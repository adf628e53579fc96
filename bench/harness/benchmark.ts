/** One file of `benchmarks/`: what it measures, against what, and what it must reach. */
export interface Benchmark {
  /** For `--filter`, and for the results. */
  readonly name: string
  readonly title: string
  /** Options of Node for the process that it runs in; each benchmark has one of its own. */
  readonly nodeOptions?: readonly string[]
  run(settings: Settings): Promise<Outcome>
}

export interface Settings {
  /** Rounds that count, after the warm-up. */
  readonly rounds: number
  /** Smaller inputs: to see that everything works, not to measure. */
  readonly quick: boolean
}

export interface Outcome {
  readonly tables: readonly Table[]
  readonly checks: readonly Check[]
}

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** What a reader must know to read it rightly. */
  readonly notes?: readonly string[]
}

export type Cell = string | number

/** What `--check` holds a benchmark to. Exactly one bound is set. */
export interface Check {
  readonly what: string
  readonly value: number
  readonly atLeast?: number
  readonly atMost?: number
}

export function isMet({ value, atLeast = -Infinity, atMost = Infinity }: Check): boolean {
  return value >= atLeast && value <= atMost
}
