import { taskId } from '../model/ids.ts'
import type {
  CheckpointRecord,
  LogPosition,
  OperatorSnapshot,
  SegmentHandle,
  Stretch,
  VertexSnapshot,
} from './checkpoint-record.ts'

/**
 * What is wrong with the shape of a record, each problem with its place; empty if nothing is. Asserted before a record
 * is written and after it is read.
 */
export function recordProblems(value: unknown): string[] {
  const record = value as CheckpointRecord
  if (!isObject(value)) return [`expected an object, got ${typeof value}`]
  const check = new Check()
  check.that(
    Number.isSafeInteger(record.formatVersion) && record.formatVersion > 0,
    'formatVersion',
    'a whole number above 0',
  )
  check.that(record.kind === 'checkpoint' || record.kind === 'savepoint', 'kind', 'checkpoint or savepoint')
  for (const name of ['jobName', 'runId', 'planFingerprint'] as const) check.text(record[name], name)
  check.count(record.checkpointId, 'checkpointId', 1)
  check.count(record.attempt, 'attempt', 1)
  check.that(Number.isFinite(record.triggeredAtMs), 'triggeredAtMs', 'a time in milliseconds')
  check.that(record.completedAtMs >= record.triggeredAtMs, 'completedAtMs', 'a time not before triggeredAtMs')
  check.list(record.vertices, 'vertices', (vertex, place) => checkVertex(check, vertex, place))
  check.list(record.operators, 'operators', (operator, place) => checkOperator(check, operator, place))
  if (record.logs !== undefined) checkLogs(check, record)
  if (check.problems.length === 0) {
    const uids = record.operators.map((operator) => operator.uid)
    check.that(new Set(uids).size === uids.length, 'operators', 'each uid once')
  }
  return check.problems
}

/** Of every task, or of none. */
function checkLogs(check: Check, record: CheckpointRecord): void {
  const logs: unknown = record.logs
  if (!isObject(logs)) return check.that(false, 'logs', 'an object')
  const entries = Object.entries(logs as Record<string, LogPosition>)
  for (const [task, log] of entries) {
    check.count(log?.attempt, `logs.${task}.attempt`, 1)
    check.count(log?.position, `logs.${task}.position`, 1)
    for (const way of ['received', 'sent'] as const) {
      const counts = log?.channels?.[way] ?? {}
      for (const [other, count] of Object.entries(counts)) {
        check.count(count, `logs.${task}.channels.${way}.${other}`, 0)
      }
    }
  }
  const tasks = check.problems.length === 0 ? record.vertices.flatMap(tasksOf) : []
  check.that(
    tasks.every((task) => Object.hasOwn(logs as object, task)) && tasks.length <= entries.length,
    'logs',
    'a position for each task',
  )
}

function tasksOf({ id, parallelism }: VertexSnapshot): string[] {
  return Array.from({ length: parallelism }, (_, subtask) => taskId(id, subtask))
}

function checkVertex(check: Check, vertex: VertexSnapshot, place: string): void {
  check.text(vertex.id, `${place}.id`)
  check.count(vertex.parallelism, `${place}.parallelism`, 1)
  check.list(vertex.subtasks, `${place}.subtasks`, (subtask, at) => {
    check.that(
      typeof subtask.watermarkMs === 'number' && !Number.isNaN(subtask.watermarkMs),
      `${at}.watermarkMs`,
      'a number',
    )
    check.that(typeof subtask.finished === 'boolean', `${at}.finished`, 'true or false')
    if (subtask.inFlight === undefined) return
    checkStretch(check, subtask.inFlight, `${at}.inFlight`)
    check.count(subtask.inFlight?.records, `${at}.inFlight.records`, 0)
  })
  check.that(vertex.subtasks?.length === vertex.parallelism, `${place}.subtasks`, 'one for each subtask')
}

function checkOperator(check: Check, operator: OperatorSnapshot, place: string): void {
  check.text(operator.uid, `${place}.uid`)
  check.that(typeof operator.name === 'string', `${place}.name`, 'text')
  check.count(operator.maxParallelism, `${place}.maxParallelism`, 1)
  check.count(operator.parallelism, `${place}.parallelism`, 1)
  check.that(
    operator.parallelism <= operator.maxParallelism,
    `${place}.parallelism`,
    'at most maxParallelism',
  )
  check.list(operator.states, `${place}.states`, (state, at) => check.text(state.name, `${at}.name`))
  check.list(operator.segments, `${place}.segments`, (segment, at) =>
    checkSegment(check, segment, operator.maxParallelism, at),
  )
  check.list(operator.operatorState, `${place}.operatorState`, (state, at) =>
    check.that(isObject(state), at, 'an object'),
  )
  check.that(
    operator.operatorState?.length === operator.parallelism,
    `${place}.operatorState`,
    'one for each subtask',
  )
}

function checkSegment(check: Check, segment: SegmentHandle, maxParallelism: number, place: string): void {
  checkStretch(check, segment, place)
  check.count(segment.rows, `${place}.rows`, 0)
  const { first, last } = segment.keyGroups ?? { first: -1, last: -1 }
  const valid = Number.isInteger(first) && Number.isInteger(last) && first >= 0 && first <= last
  check.that(
    valid && last < maxParallelism,
    `${place}.keyGroups`,
    `a range within 0 to ${maxParallelism - 1}`,
  )
}

function checkStretch(check: Check, stretch: Stretch, place: string): void {
  check.text(stretch?.blob, `${place}.blob`)
  check.count(stretch?.offsetBytes, `${place}.offsetBytes`, 0)
  check.count(stretch?.lengthBytes, `${place}.lengthBytes`, 0)
  check.that(/^[0-9a-f]{64}$/.test(stretch?.sha256), `${place}.sha256`, '64 hexadecimal digits')
}

class Check {
  readonly problems: string[] = []

  that(holds: boolean, place: string, expected: string): void {
    if (!holds) this.problems.push(`${place}: expected ${expected}`)
  }

  text(value: unknown, place: string): void {
    this.that(typeof value === 'string' && value !== '', place, 'text')
  }

  count(value: number, place: string, min: number): void {
    this.that(Number.isSafeInteger(value) && value >= min, place, `a whole number of at least ${min}`)
  }

  list<T>(value: readonly T[], place: string, each: (item: T, place: string) => void): void {
    if (!Array.isArray(value)) return this.that(false, place, 'a list')
    for (const [index, item] of value.entries()) {
      const at = `${place}[${index}]`
      if (isObject(item)) each(item as T, at)
      else this.that(false, at, 'an object')
    }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
