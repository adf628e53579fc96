import type { StandardSchemaV1 } from '@standard-schema/spec'
import { UserError } from '../model/faults.ts'

/** Any validator of the Standard Schema family: zod, valibot, arktype. Synchronous. */
export type RecordSchema<T> = StandardSchemaV1<unknown, T>

/** Turns what was read into a record, or throws why not: the reason of its dead letter. A UserError ends the job. */
export type Decode<From, T> = (from: From) => T

/** Makes records of lines by a function. */
export interface LineParse<T> {
  /** What it throws becomes the reason of a dead letter. */
  readonly parse: (line: string) => T
}

/** Makes records of lines by a schema. */
export interface LineSchema<T> {
  /** Gets the line, or what `parse` made of it. What it refuses goes to the dead letters. */
  readonly schema: RecordSchema<T>
  readonly parse?: (line: string) => unknown
}

export type LineDecoding = Partial<LineSchema<unknown>>

/** @throws Error with the schema's issues if it refuses `value`; UserError if the schema is asynchronous. */
function validate<T>(schema: RecordSchema<T>, value: unknown): T {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    const { vendor } = schema['~standard']
    throw new UserError(
      `Expected a schema that validates synchronously, got an asynchronous one (${vendor}). ` +
        'Do the asynchronous part in an operator after the source',
    )
  }
  if (result.issues !== undefined) throw new Error(result.issues.map(describe).join('; '))
  return result.value
}

function describe(issue: StandardSchemaV1.Issue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}

export function lineDecoder(decoding: LineDecoding): Decode<string, unknown> {
  const { parse, schema } = decoding
  if (schema === undefined) return parse ?? ((line) => line)
  if (parse === undefined) return (line) => validate(schema, line)
  return (line) => validate(schema, parse(line))
}

export function valueDecoder(schema: RecordSchema<unknown> | undefined): Decode<unknown, unknown> {
  return schema === undefined ? (value) => value : (value) => validate(schema, value)
}
