import { expect, test } from 'vitest'

import { millrace } from './millrace.ts'
import { project } from './project.ts'

const JOB = `
  import { collection, defineJob, discard, valueState } from 'millrace'
  export default defineJob({ name: 'pages', parallelism: 2 }, (env) => {
    env
      .source('views', collection(['/a', '/b']))
      .map((page) => page.toLowerCase(), { uid: 'lower' })
      .keyBy((page) => page)
      .process('visits', {
        state: { count: valueState<number>() },
        processElement: (page, ctx) => ctx.collect(page),
      })
      .sinkTo('out', discard(), { resources: { memoryMb: 2048, maxConcurrency: 20 } })
  })`

const plan = (...args: readonly string[]) =>
  millrace(['plan', 'job.ts', ...args], { cwd: project({ 'job.ts': JOB }) })

test('for people', async () => {
  const { code, stdout } = await plan()
  expect(code).toBe(0)
  expect(stdout).toBe(`pages: 4 operators, 3 chains, 5 tasks

Chain 1, parallelism 1 of at most 128
  views     source

Chain 2, parallelism 2 of at most 128
  <- views of chain 1 (rebalance)
  lower     map

Chain 3, parallelism 2 of at most 128
  a function of its own on AWS: 2048 MB, at most 20 at once
  <- lower of chain 2 (hash)
  visits    keyed-process  state count (value)
  out       sink
`)
})

test('for programs, at another parallelism', async () => {
  const { stdout } = await plan('--json', '--parallelism', '4')
  expect(JSON.parse(stdout)).toMatchObject({
    format: 1,
    job: 'pages',
    vertices: [{ parallelism: 1 }, { id: 'lower', parallelism: 4 }, { parallelism: 4 }],
  })
})

test('as a chart', async () => {
  const { stdout } = await plan('--mermaid')
  expect(stdout).toMatch(/^flowchart LR\n/)
  expect(stdout).toContain('visits -> out')
})

test('not in two forms at once', async () => {
  const { code, stderr } = await plan('--json', '--mermaid')
  expect([code, stderr]).toEqual([2, 'error: --json, --mermaid: expected one of them, got both\n'])
})
