import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'

import { Millrace, millrace, ROOT } from './millrace.ts'
import { project } from './project.ts'

const job = (name: string): string => join(ROOT, 'test/fixtures/jobs', `${name}.ts`)

const status = z.enum([
  'CREATED',
  'RUNNING',
  'FAILING',
  'RESTARTING',
  'CANCELLING',
  'CANCELED',
  'FINISHED',
  'FAILED',
  'SUSPENDED',
])
const figures = z.strictObject({
  alignmentMs: z.number(),
  durationMs: z.number(),
  bytes: z.int(),
  fullBytes: z.int(),
  records: z.int(),
})
const cause = z.strictObject({
  message: z.string(),
  isUserMistake: z.boolean().optional(),
  operatorUid: z.string().optional(),
  operatorName: z.string().optional(),
  subtaskIndex: z.int().optional(),
  key: z.string().optional(),
  position: z.string().optional(),
  timestampMs: z.number().optional(),
  stack: z.string().optional(),
  notRestartedBecause: z.string().optional(),
})
const kind = z.enum(['checkpoint', 'savepoint'])
const signal = z.enum(['SIGINT', 'SIGTERM'])
const operator = z.strictObject({
  uid: z.string(),
  name: z.string(),
  vertex: z.string(),
  parallelism: z.int(),
  numRecordsIn: z.int(),
  numRecordsOut: z.int(),
  numLateRecordsDropped: z.int(),
  numDeadLetters: z.int(),
  currentWatermark: z.union([z.number(), z.literal('end'), z.null()]),
  keys: z.int(),
})

function event<T extends z.core.$ZodLooseShape>(type: string, fields: T) {
  return z.strictObject({ type: z.literal(type), atMs: z.int(), ...fields })
}

/** What docs/cli.md says of the events; a field that it does not name is an error. */
const EVENTS = {
  started: event('started', { job: z.string(), runId: z.string(), file: z.string(), version: z.string() }),
  status: event('status', { from: status, to: status, cause: cause.optional() }),
  deployed: event('deployed', { attempt: z.int(), restoredFrom: z.string().optional() }),
  restarting: event('restarting', { attempt: z.int(), delayMs: z.number() }),
  'checkpoint-triggered': event('checkpoint-triggered', { checkpointId: z.int(), kind }),
  'checkpoint-completed': event('checkpoint-completed', {
    checkpointId: z.int(),
    kind,
    path: z.string(),
    figures,
  }),
  'checkpoint-failed': event('checkpoint-failed', {
    checkpointId: z.int(),
    reason: z.string(),
    message: z.string(),
  }),
  listening: event('listening', { operatorUid: z.string(), url: z.string() }),
  warning: event('warning', { message: z.string() }),
  metrics: event('metrics', {
    status,
    attempt: z.int(),
    restarts: z.int(),
    operators: z.array(operator),
    lastCheckpoint: z.strictObject({ checkpointId: z.int(), figures }).nullable(),
  }),
  stopping: event('stopping', { signal, atOnce: z.boolean() }),
  error: event('error', { exitCode: z.int(), problems: z.array(z.string()) }),
  result: event('result', {
    job: z.string(),
    status,
    exitCode: z.int(),
    records: z.int(),
    durationMs: z.int(),
    checkpoints: z.int(),
    failedCheckpoints: z.int(),
    restarts: z.int(),
    lastCheckpoint: z.strictObject({ checkpointId: z.int(), path: z.string() }).nullable(),
    cause: cause.nullable(),
    resume: z.string().nullable(),
  }),
}

type Event = { readonly type: keyof typeof EVENTS; readonly [field: string]: unknown }

/** Every line, checked. */
function eventsOf(stdout: string): Event[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const parsed = JSON.parse(line) as Event
      EVENTS[parsed.type].parse(parsed)
      return parsed
    })
}

const typesOf = (events: readonly Event[]) =>
  events.map(({ type }) => type).filter((type) => type !== 'metrics')

test('a job that finishes: events on standard output, prints on standard error', async () => {
  const { code, stdout, stderr } = await millrace(['run', job('letters'), '--json'], { cwd: project({}) })
  const events = eventsOf(stdout)
  expect(typesOf(events)).toEqual(['started', 'deployed', 'status', 'status', 'result'])
  expect(events.filter(({ type }) => type === 'metrics').at(-1)).toMatchObject({
    status: 'FINISHED',
    operators: [
      { uid: 'letters', numRecordsOut: 4, currentWatermark: 'end' },
      { uid: 'count', numRecordsIn: 4 },
      { uid: 'out', numRecordsIn: 4 },
    ],
  })
  expect(events.at(-1)).toMatchObject({
    status: 'FINISHED',
    exitCode: 0,
    records: 4,
    cause: null,
    resume: null,
  })
  expect(stderr).toBe('a seen\nb seen\na seen\nc seen\n')
  expect(code).toBe(0)
})

test('a job that fails', async () => {
  const { code, stdout } = await millrace(['run', job('failing'), '--json'], { cwd: project({}) })
  const events = eventsOf(stdout)
  expect(typesOf(events)).toContain('restarting')
  expect(events.at(-1)).toMatchObject({
    type: 'result',
    status: 'FAILED',
    exitCode: 1,
    restarts: 1,
    cause: { message: 'the word bug', operatorUid: 'check', key: 'bug', timestampMs: 1_000 },
  })
  expect(code).toBe(1)
})

test('a job that is stopped', async () => {
  const run = new Millrace(['run', job('ticker'), '--json'], { cwd: project({}) })
  onTestFinished(() => run.kill('SIGKILL'))
  await run.says('stderr', 'tick 20:')
  await run.says('stdout', 'checkpoint-completed')
  run.kill('SIGTERM')
  const { code, stdout } = await run.ended
  const events = eventsOf(stdout)
  expect(events).toContainEqual({
    type: 'stopping',
    atMs: expect.any(Number),
    signal: 'SIGTERM',
    atOnce: false,
  })
  expect(events.at(-1)).toMatchObject({
    status: 'SUSPENDED',
    exitCode: 143,
    resume: `millrace run ${job('ticker')} --json --from latest`,
  })
  expect(code).toBe(143)
})

test('figures come every second', async () => {
  const run = new Millrace(['run', job('ticker'), '--json'], { cwd: project({}) })
  onTestFinished(() => run.kill('SIGKILL'))
  await run.says('stderr', 'tick 450:')
  run.kill('SIGINT')
  const metrics = eventsOf((await run.ended).stdout).filter(({ type }) => type === 'metrics')
  const gaps = metrics.slice(1, -1).map(({ atMs }, index) => Number(atMs) - Number(metrics[index]!.atMs))
  expect(gaps.length).toBeGreaterThanOrEqual(2)
  for (const gap of gaps) expect(gap).toBeGreaterThan(900)
})

test('a mistake is an event as well', async () => {
  const { code, stdout, stderr } = await millrace(['run', 'nowhere.ts', '-p', '0', '--json'], {
    cwd: project({}),
  })
  expect(eventsOf(stdout)).toEqual([
    {
      type: 'error',
      atMs: expect.any(Number),
      exitCode: 2,
      problems: [
        expect.stringMatching(/^nowhere\.ts: no such file/),
        expect.stringMatching(/^--parallelism: /),
      ],
    },
  ])
  expect(stderr).toMatch(/^error: nowhere/)
  expect(code).toBe(2)
})

describe('the manual', () => {
  const manual = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8')

  test.each(Object.entries(EVENTS))('documents %s with every field', (type, { shape }) => {
    const row = manual.split('\n').find((line) => line.startsWith(`| \`${type}\` |`)) ?? ''
    const fields = Object.keys(shape).filter((field) => field !== 'type' && field !== 'atMs')
    expect(fields.filter((field) => !row.includes(`\`${field}\``))).toEqual([])
  })
})
