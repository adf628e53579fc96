import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

import { describe, expect, onTestFinished, test } from 'vitest'

import { millrace, type Ended } from '../cli/millrace.ts'

/** Of the scripts that `npm run` starts. An endpoint where nothing is: none of these gets so far as to ask it. */
function run(script: string, args: readonly string[], endpoint = 'http://127.0.0.1:9'): Promise<Ended> {
  const path = fileURLToPath(new URL(`../../../${script}`, import.meta.url))
  const command = [
    process.execPath,
    '--conditions=millrace-source',
    '--import',
    import.meta.resolve('tsx'),
    path,
  ]
  return millrace(args, { command, env: { AWS_ENDPOINT_URL: endpoint } })
}

const SCRIPTS = {
  'bench/main.ts': 'npm run bench',
  'bench/cost/main.ts': 'npm run bench:cost',
  'scripts/local/deploy.ts': 'npm run local:deploy',
  'scripts/local/down.ts': 'npm run local:down',
  'scripts/local/up.ts': 'npm run local:up',
  'scripts/update-job.ts': 'npm run job:update',
  'test/e2e/main.ts': 'npm run e2e',
  'test/simulation/simulate.ts': 'npm run simulate',
}

describe.each(Object.entries(SCRIPTS))('%s', (script, usage) => {
  test('tells how it is called, and does nothing else', async () => {
    const { code, stdout, stderr } = await run(script, ['examples/word-count-http.ts', '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^Usage: ${usage}`))
  })

  test('refuses an option that it does not know, without a stack', async () => {
    const { code, stderr } = await run(script, ['--bogus'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: Unknown option '--bogus'/)
    expect(stderr).toContain(`Usage: ${usage}`)
    expect(stderr).not.toContain('    at ')
  })
})

test.each([
  ['scripts/local/deploy.ts', [], 'error: Expected the file of a job\n'],
  ['scripts/local/deploy.ts', ['a.ts', '-c'], "error: Option '-c, --context <value>' argument missing"],
  ['scripts/local/deploy.ts', ['a.ts', 'b.ts'], 'error: Expected the file of one job, got a.ts, b.ts'],
  ['scripts/local/deploy.ts', ['a.ts', '-c', 'x'], "error: -c: expected name=value, got 'x'"],
  [
    'scripts/local/deploy.ts',
    ['a.ts', '-c', 'htp-auth=none'],
    'error: -c htp-auth: expected one of job, stack, set, http-auth, ',
  ],
  ['scripts/local/down.ts', ['a.ts', 'b.ts'], 'error: Expected the file of one job, got a.ts, b.ts'],
  ['scripts/update-job.ts', ['--wait', '1 min'], 'error: Expected the file of a job\n'],
  ['scripts/update-job.ts', ['a.ts', '-c'], "error: Option '-c, --context <value>' argument missing"],
  ['scripts/update-job.ts', ['a.ts', '-c', 'x'], "error: -c: expected name=value, got 'x'"],
  [
    'scripts/update-job.ts',
    ['a.ts', '-c', 'stack=a_b', '-c', 'http-auth=all'],
    /^error: -c stack: expected .*\nerror: -c http-auth: expected iam or none/,
  ],
  [
    'scripts/update-job.ts',
    ['a.ts', '-c', 'htp-auth=none', '-c', 'sets=a=1'],
    /^error: -c htp-auth: expected one of job, .*\nerror: -c sets: expected one of job, /,
  ],
  ['scripts/update-job.ts', ['a.ts', '--wait', '5'], "error: --wait: expected a duration such as '30 s'"],
  [
    'scripts/update-job.ts',
    ['a.ts', '--require-approval', 'some'],
    'error: --require-approval: expected broadening, any-change, destructive, never, got some',
  ],
  [
    'test/e2e/main.ts',
    ['windows', 'wordcount'],
    'error: Expected scenarios of readme, word-count, windows; got wordcount',
  ],
  [
    'test/simulation/simulate.ts',
    ['--seeds', 'abc'],
    "error: --seeds: expected a whole number of at least 1, got 'abc'",
  ],
  [
    'test/simulation/simulate.ts',
    ['--seeds', '0'],
    "error: --seeds: expected a whole number of at least 1, got '0'",
  ],
  [
    'test/simulation/simulate.ts',
    ['--seed', '1.5'],
    "error: --seed: expected a whole number of at least 0, got '1.5'",
  ],
  [
    'test/simulation/simulate.ts',
    ['--mode', 'foo'],
    "error: --mode: expected one of exactly-once, at-least-once; got 'foo'",
  ],
  [
    'test/simulation/simulate.ts',
    ['--backends', 'memory,disk'],
    "error: --backends: expected one of memory, filesystem, lmdb; got 'disk'",
  ],
  [
    'test/simulation/simulate.ts',
    ['--runtime', 'lambda'],
    "error: --runtime: expected one of embedded, serverless, kernel, all; got 'lambda'",
  ],
  ['scripts/local/up.ts', ['now'], "error: Unexpected argument 'now'"],
])('%s %j is refused', async (script, args, told) => {
  const { code, stderr } = await run(script, args)
  expect(code).toBe(2)
  expect(stderr).toMatch(told)
})

test.each([
  ['scripts/local/up.ts', []],
  ['scripts/local/down.ts', ['examples/word-count-http.ts']],
  ['scripts/local/deploy.ts', ['examples/word-count-http.ts']],
  ['scripts/update-job.ts', ['examples/word-count-http.ts']],
])('%s says that an endpoint is no URL', async (script, args) => {
  const { code, stderr } = await run(script, args, 'localhost:4566')
  expect(code).toBe(1)
  expect(stderr).toBe(
    "AWS_ENDPOINT_URL: expected a URL such as http://localhost:4566, got 'localhost:4566'\n",
  )
})

test.each([
  ['on AWS', false, 'npx cdk deploy -c job=examples/word-count.ts'],
  ['on an emulator', true, 'npm run local:deploy -- examples/word-count.ts'],
])(
  'a job that is not known %s is to be deployed: told without options of others',
  async (_, isEmulator, command) => {
    const server = createServer((_request, response) => void response.end())
    onTestFinished(() => void server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const endpoint = isEmulator ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : ''
    // Of a stack that no checkout has deployed.
    const args = ['examples/word-count.ts', '-c', 'stack=Not-deployed']
    const { code, stderr } = await run('scripts/update-job.ts', args, endpoint)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Expected the outputs of a deployment, found no |expected a job Not-deployed/)
    expect(stderr).toContain(`\nDeploy it first: ${command}`)
    expect(stderr).not.toMatch(/--(outputs|table|coordinator-queue)/)
  },
)
