/** Settings of one operator. None has to be given. */
export interface OperatorOptions {
  /** Shown in plans, messages and metrics. Default: the uid, or the operator's type. */
  readonly name?: string
  /** Number of subtasks. Default: the job's, or less where a source or sink allows no more. */
  readonly parallelism?: number
  /**
   * Number of key groups: the most subtasks it can ever have, 1 to 32768. It cannot change while the operator's
   * state is kept. Default: the job's.
   */
  readonly maxParallelism?: number
  /**
   * Whether it may run in one task with its neighbours, where the edge between them allows it. `always`: yes;
   * `head`: only with those after it; `never`: with none. Default `always`.
   */
  readonly chaining?: 'always' | 'head' | 'never'
}

/** Settings of an operator without state, whose uid may be left to Millrace. */
export interface StatelessOptions extends OperatorOptions {
  /** Names the operator in metrics, faults and savepoints. Default: derived from its place in the graph. */
  readonly uid?: string
}
