import type { Clock } from '../ports/clock.ts'
import type { Outside } from '../ports/outside.ts'
import type { Random } from '../ports/random.ts'

/** How one run of a job differs from what the job says. */
export interface RunOptions {
  /**
   * Where to begin: the directory of a checkpoint or savepoint, `latest` (the newest completed checkpoint of this job
   * in its checkpoints directory), or undefined: from nothing.
   */
  readonly from?: string | undefined
  /** Default parallelism of operators, above what the job says. */
  readonly parallelism?: number | undefined
  /** Settings by their Flink names (`--set key=value`), above what the job says. */
  readonly set?: Readonly<Record<string, string>> | undefined
  /** A configuration file (YAML or JSON): defaults below what the job says. */
  readonly configFile?: string | undefined
  /** Drops restored state that no operator claims, instead of refusing to start. */
  readonly allowNonRestoredState?: boolean | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** What sinks that write to AWS work with. Default: none, and such a sink fails the job. */
  readonly outside?: Outside | undefined
}
