import type { JobRequest, TaskReport } from '../protocol.ts'

// Requests come from a tool of another version, or by a hand; reports from tasks of another version, while a deployment is
// under way. What is not of a shape that the coordinator knows is refused: it would throw at it, each time it came.

/** What a field is to be, in words, and whether it is. */
interface Expected {
  readonly what: string
  readonly holds: (value: unknown) => boolean
}

type Shapes<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]: Readonly<
    Record<Exclude<keyof Extract<Message, { readonly type: Type }>, 'type'>, Expected>
  >
}

const text: Expected = { what: 'text', holds: (value) => typeof value === 'string' }
const flag: Expected = { what: 'true or false', holds: (value) => typeof value === 'boolean' }
const number: Expected = { what: 'a number', holds: (value) => typeof value === 'number' }
const count: Expected = {
  what: 'a whole number, 0 or more',
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
}
const list: Expected = { what: 'a list', holds: (value) => Array.isArray(value) }
const anObject: Expected = { what: 'an object', holds: isObject }

const counts: Expected = {
  what: 'numbers of messages, by task',
  holds: (value) => isObject(value) && Object.values(value).every(count.holds),
}

function optional({ what, holds }: Expected): Expected {
  return { what: `${what}, or nothing`, holds: (value) => value === undefined || holds(value) }
}

function objectOf(what: string, fields: Readonly<Record<string, Expected>>): Expected {
  return { what, holds: (value) => isObject(value) && wrongField(fields, value) === undefined }
}

function listOf({ what, holds }: Expected): Expected {
  return { what: `a list, each ${what}`, holds: (value) => Array.isArray(value) && value.every(holds) }
}

const ack = objectOf('an acknowledgement', {
  watermarkMs: number,
  finished: flag,
  operators: listOf(
    objectOf('an operator', {
      uid: text,
      name: text,
      maxParallelism: count,
      states: list,
      segments: list,
      operatorState: anObject,
    }),
  ),
  figures: objectOf('figures', {
    alignmentMs: number,
    durationMs: number,
    bytes: number,
    fullBytes: number,
    records: number,
  }),
  position: optional(count),
  channels: optional(anObject),
  active: optional(flag),
})

const REQUESTS: Shapes<JobRequest> = {
  start: { requestId: text, from: optional(text), allowNonRestoredState: optional(flag) },
  'trigger-savepoint': { requestId: text, target: optional(text) },
  'trigger-checkpoint': { requestId: text },
  stop: { requestId: text, target: optional(text), drain: optional(flag) },
  cancel: { requestId: text },
  suspend: { requestId: text },
  'dead-letter': { requestId: text, actor: text, attempt: optional(count), reason: text },
  denied: { requestId: text, actor: text, attempt: optional(count), message: text },
  tick: {},
  visit: {},
}

const REPORTS: Shapes<TaskReport> = {
  ready: {},
  acknowledge: { checkpointId: count, ack },
  decline: { checkpointId: count, reason: text, message: text },
  failed: {
    cause: objectOf('a cause with a message', { message: text }),
    record: optional(objectOf('a record', { operatorUid: text, hash: text })),
  },
  'input-ended': {},
  active: {},
  quiescence: {
    position: count,
    active: flag,
    channels: objectOf('counts', { received: counts, sent: counts }),
  },
  closed: {},
  materialized: { position: count },
}

/** Why it is no request to a job; undefined: it is one. */
export function requestProblem(payload: unknown): string | undefined {
  return problemOf('a request to a job', REQUESTS, payload)
}

/** Why it is no report of a task; undefined: it is one. */
export function reportProblem(payload: unknown): string | undefined {
  return problemOf('a report of a task', REPORTS, payload)
}

function problemOf(
  what: string,
  shapes: Readonly<Record<string, Readonly<Record<string, Expected>>>>,
  payload: unknown,
): string | undefined {
  if (!isObject(payload)) return `Expected ${what}, got ${payload === null ? 'null' : typeof payload}`
  const { type } = payload
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type))
    return `Expected ${what} (${Object.keys(shapes).join(', ')}), got data of another type`
  const fields = shapes[type]!
  const wrong = wrongField(fields, payload)
  return wrong && `Expected ${what}, got a ‘${type}’ whose ‘${wrong}’ is not ${fields[wrong]!.what}`
}

function wrongField(
  fields: Readonly<Record<string, Expected>>,
  value: Readonly<Record<string, unknown>>,
): string | undefined {
  return Object.keys(fields).find((name) => !fields[name]!.holds(value[name]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
