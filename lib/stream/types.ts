import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Carries a type and nothing else, where TypeScript cannot infer it: `emits: type<Alert>()`. */
export interface TypeToken<T> {
  readonly __type?: T
}

/** Names the type of what a function emits; a Standard Schema (zod, valibot, arktype) does as well. */
export function type<T>(): TypeToken<T> {
  return {}
}

export type TypeOf<T> = TypeToken<T> | StandardSchemaV1<unknown, T>

/** Takes what a function emits besides its main output. Tags are the same if their ids are. */
export interface OutputTag<in out T> {
  readonly id: string
  readonly __type?: (value: T) => T
}

/** Names a side output. `id` is unique within the operator that has it, and does not begin with `millrace.`. */
export function outputTag<T>(id: string): OutputTag<T> {
  return { id }
}

/**
 * The output of a function that declares none: nothing can be collected. The compiler shows this text where one
 * tries; the fix is to name the type of the output.
 */
export type UndeclaredOutput = 'Say what this function collects: emits: type<YourType>()'
