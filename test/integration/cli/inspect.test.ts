import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { beforeEach, describe, expect, test, vi } from 'vitest'

import {
  collectSink,
  defineJob,
  mapState,
  runJob,
  type,
  type JobDefinition,
  type SplitSource,
} from '../../../lib/index.ts'
import { millrace } from './millrace.ts'
import { project } from './project.ts'

const PAGES = ['/a', '/b', '/a', '/c']

/** The pages, and then nothing: but it does not end. */
const pages: SplitSource<string, { readonly index: number }> = {
  type: 'splits',
  kind: 'pages',
  bounded: false,
  parallelismMax: 1,
  enumerateSplits: () => [{ index: 0 }],
  createReader: () => {
    let index = 0
    return {
      open([split]) {
        index = split!.index
      },
      read(out) {
        if (index === PAGES.length) return 'wait'
        out.collect(PAGES[index++]!)
        return 'more'
      },
      snapshot: () => [{ index }],
    }
  },
}

function visits(root: string): JobDefinition {
  const options = {
    name: 'visits',
    parallelism: 2,
    checkpointing: {
      interval: '1 h',
      directory: join(root, 'checkpoints'),
      savepointDirectory: join(root, 'savepoints'),
    },
  }
  return defineJob(options, (env) => {
    env
      .source('pages', pages)
      .keyBy((page) => page)
      .process('visits', {
        state: { perDay: mapState<number, number>({ ttl: '1 d' }) },
        emits: type<string>(),
        processElement(page, ctx) {
          ctx.state.perDay.put(1, (ctx.state.perDay.get(1) ?? 0) + 1)
          ctx.collect(page)
        },
      })
      .sinkTo('out', collectSink())
  })
}

let root: string
let savepoint: string

beforeEach(async () => {
  root = project({})
  const job = await runJob(visits(root))
  await vi.waitUntil(() => job.metrics().operators.at(-1)!.numRecordsIn === PAGES.length)
  const { path } = await job.stop()
  savepoint = path
})

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

test('shows what a savepoint holds, and that it is sound', async () => {
  const { code, stdout } = await millrace(['inspect', savepoint], { cwd: root })
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.slice(0, 7)).toEqual([
    expect.stringMatching(/^savepoint \d+ of visits$/),
    expect.stringMatching(/^ {2}path {5}savepoints\//),
    expect.stringMatching(/^ {2}run {6}[\w-]+, attempt 1$/),
    expect.stringMatching(/^ {2}taken {4}\d{4}-.*Z, in \d+ m?s$/),
    expect.stringMatching(/^ {2}plan {5}[\da-f]+$/),
    expect.stringMatching(/^ {2}size {5}\d+ B of keyed state in \d segments?$/),
    '  checked  metadata and every segment match their checksums',
  ])
  expect(stdout).toMatch(/\n\nChains\n {2}pages: 1 task, watermark/)
  expect(stdout).toMatch(
    /Operator visits, parallelism 2 of at most 128\n {2}keyed state: 3 keys, .*\n {4}perDay: map, with TTL\n/,
  )
  expect(stdout).toMatch(
    /Operator pages, parallelism 1 .*\n {2}position: 1 split, \d+ B\n {4}subtask 0: \{ index: 4 \}\n/,
  )
})

test('as JSON', async () => {
  const { code, stdout } = await millrace(['inspect', savepoint, '--json'], { cwd: root })
  expect(code).toBe(0)
  const report = JSON.parse(stdout) as { operators: { uid: string }[] }
  expect(report).toMatchObject({
    format: 1,
    verified: true,
    kind: 'savepoint',
    jobName: 'visits',
    attempt: 1,
  })
  expect(report.operators.find(({ uid }) => uid === 'pages')).toMatchObject({
    positions: [{ subtask: 0, value: { index: 4 } }],
  })
  expect(report.operators.find(({ uid }) => uid === 'visits')).toMatchObject({
    keys: 3,
    states: [{ name: 'perDay', kind: 'map', ttl: true, buckets: 0 }],
    operatorState: [],
  })
})

test('a directory of checkpoints: names those in it', async () => {
  const { code, stderr } = await millrace(['inspect', 'savepoints'], { cwd: root })
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /^error: savepoints: expected the directory of a checkpoint or savepoint, found 1 below it; inspect one:\n {2}millrace inspect savepoints\/.*\n$/,
  )
})

describe('what is damaged is refused, with its path', () => {
  test.each([
    ['the metadata', (path: string) => path.endsWith('_metadata')],
    ['a segment', (path: string) => !path.endsWith('_metadata')],
  ])('%s', async (_what, isIt) => {
    const path = filesBelow(savepoint).find(isIt)!
    const bytes = readFileSync(path)
    bytes[bytes.length - 10]! ^= 1
    writeFileSync(path, bytes)
    const { code, stdout, stderr } = await millrace(['inspect', savepoint], { cwd: root })
    expect(stdout).toBe('')
    expect(stderr).toContain(path)
    expect(stderr).toMatch(/^error: .*(damaged|checksum|SHA-256|corrupt)/i)
    expect(stderr).not.toMatch(/^ +at /m)
    expect(code).toBe(2)
  })
})
