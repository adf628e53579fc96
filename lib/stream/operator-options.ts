import type { Duration } from '../model/durations.ts'

/**
 * What an operator asks of the function that it runs in. Each setting is a bound, so that all operators of a chain can have
 * what they ask for: the chain gets the most memory, the longest timeout, and the least concurrency that any of them names.
 */
export interface ResourceOptions {
  /** MB, at least: 128 to 10,240. Processor time comes with it, from 1,769 on a whole processor. Default: the deployment's. */
  readonly memoryMb?: number
  /**
   * How long an invocation may take, at least: 30 s to 15 min. Only for records that take long: what an invocation held that
   * is lost waits for as long. Default: the deployment's.
   */
  readonly timeout?: Duration
  /** Subtasks of the chain that run at once, at most: 2 to 1,000. Default: all of them. */
  readonly maxConcurrency?: number
}

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
  /**
   * Gives the operator's chain a queue and a function of its own on AWS, with what is asked for; `'own'` asks for nothing
   * more. It changes neither chaining nor state, and means nothing to the embedded runtime. Default: the chain shares the
   * job's.
   */
  readonly resources?: 'own' | ResourceOptions
}

/** Settings of an operator without state, whose uid may be left to Millrace. */
export interface StatelessOptions extends OperatorOptions {
  /** Names the operator in metrics, faults and savepoints. Default: derived from its place in the graph. */
  readonly uid?: string
}
