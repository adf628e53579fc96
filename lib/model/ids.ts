/** Branded identifiers: a plain string or number at run time, told apart by the compiler. */
declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** One execution of a job from submission to its end; restarts stay within a run. */
export type RunId = Brand<string, 'RunId'>
/** Ties an operator's state to it across versions of the job. */
export type OperatorUid = Brand<string, 'OperatorUid'>
/** `<vertex id>#<subtask index>`. */
export type TaskId = Brand<string, 'TaskId'>
/** A durable actor of one job: a task, an ingest partition, or the coordinator. See `actors.ts`. */
export type ActorId = Brand<string, 'ActorId'>
/** Counts up within a run, from 1 or from the checkpoint that the run began from; never reused in it. */
export type CheckpointId = Brand<number, 'CheckpointId'>
/** One execution of the job between restarts; counts up from 1; a higher one fences a lower one. */
export type Attempt = Brand<number, 'Attempt'>
/** The unit of keyed-state ownership: `murmur3(key) mod maxParallelism`. */
export type KeyGroup = Brand<number, 'KeyGroup'>

export const asRunId = (text: string): RunId => text as RunId
export const asOperatorUid = (text: string): OperatorUid => text as OperatorUid
export const asCheckpointId = (value: number): CheckpointId => value as CheckpointId
export const asAttempt = (value: number): Attempt => value as Attempt
export const taskId = (vertexId: string, subtaskIndex: number): TaskId =>
  `${vertexId}#${subtaskIndex}` as TaskId
