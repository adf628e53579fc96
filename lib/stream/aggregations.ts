/** The positions of a tuple, as numbers and as text; the names of other records' fields. */
type FieldNames<T> = T extends readonly unknown[] ? TuplePositions<T> : keyof T & string
type TuplePositions<T> = Extract<keyof T, `${number}`> extends `${infer N extends number}` ? N : never

type FieldValue<T, F> = F extends keyof T ? T[F] : never

/** The fields of `T` that `sum`, `min` and `max` can work on: always present, always a number (or always a bigint). */
export type NumericField<T> = {
  [F in FieldNames<T>]: [FieldValue<T, F>] extends [number]
    ? F
    : [FieldValue<T, F>] extends [bigint]
      ? F
      : never
}[FieldNames<T>]

/** The fields of `T` that `minBy` and `maxBy` can compare: always present, and all numbers, all bigints or all text. */
export type ComparableField<T> =
  | NumericField<T>
  | { [F in FieldNames<T>]: [FieldValue<T, F>] extends [string] ? F : never }[FieldNames<T>]

export interface ByOptions {
  /** Of records with equal fields, whether the first stays (true) or the last takes its place. Default true. */
  readonly first?: boolean
}

/** Reduces two records to one; changes neither. */
export type Reducer = (a: unknown, b: unknown) => unknown

type Fields = Readonly<Record<string | number, number>>

/** The first record with the sum in `field`. */
export function sumReducer(field: string | number): Reducer {
  return (a, b) => withField(a, field, (a as Fields)[field]! + (b as Fields)[field]!)
}

/** The first record with the lesser value in `field`; the other fields stay as they are. */
export function minReducer(field: string | number): Reducer {
  return (a, b) =>
    (b as Fields)[field]! < (a as Fields)[field]! ? withField(a, field, (b as Fields)[field]!) : a
}

/** The first record with the greater value in `field`; the other fields stay as they are. */
export function maxReducer(field: string | number): Reducer {
  return (a, b) =>
    (b as Fields)[field]! > (a as Fields)[field]! ? withField(a, field, (b as Fields)[field]!) : a
}

/** The record with the least `field`, whole. */
export function minByReducer(field: string | number, { first = true }: ByOptions): Reducer {
  return (a, b) => {
    const [x, y] = [(a as Fields)[field]!, (b as Fields)[field]!]
    return y < x || (!first && y === x) ? b : a
  }
}

/** The record with the greatest `field`, whole. */
export function maxByReducer(field: string | number, { first = true }: ByOptions): Reducer {
  return (a, b) => {
    const [x, y] = [(a as Fields)[field]!, (b as Fields)[field]!]
    return y > x || (!first && y === x) ? b : a
  }
}

function withField(record: unknown, field: string | number, value: number): unknown {
  return Array.isArray(record) ? record.with(Number(field), value) : { ...(record as object), [field]: value }
}
