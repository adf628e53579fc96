import { expect, test } from 'vitest'

import { misspeltNames, readContext, unknownNames, type AppContext } from '../../infra/app-context.ts'

function read(
  pairs: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): AppContext {
  return readContext((key) => pairs[key], env)
}

test('a deployment is what the job says, where nothing else is said', () => {
  expect(read({ job: 'job.ts' })).toEqual({
    job: 'job.ts',
    stack: undefined,
    settings: {},
    httpAuth: 'iam',
    bundleAwsSdk: false,
    destroy: false,
  })
})

test('settings are many', () => {
  expect(read({ job: 'job.ts', set: 'a=1,b=c=d' }).settings).toEqual({ a: '1', b: 'c=d' })
})

test.each([['Words'], ['w-1'], ['W'.repeat(128)]])('a stack %s', (stack) => {
  expect(read({ job: 'job.ts', stack })).toMatchObject({ stack })
})

test.each([['bad_name'], ['1st'], ['-a'], ['W'.repeat(129)]])('no stack %s', (stack) => {
  expect(() => read({ job: 'job.ts', stack })).toThrow('-c stack: expected a letter, and then at most 127')
})

test('all that is wrong is told at once', () => {
  expect(() => read({ stack: 'a b', 'http-auth': 'all', set: 'x' })).toThrow(
    /^-c job: .*\n-c stack: .*\n-c set: .*\n-c http-auth: expected iam or none, got "all"$/,
  )
})

test.each([
  ['http://localhost:4566', undefined, true],
  ['http://localhost:4566', 'false', false],
  ['', undefined, false],
  ['', 'true', true],
])(
  'functions for AWS_ENDPOINT_URL=%s carry the SDK, where the setting is %s: %s',
  (url, setting, bundled) => {
    const pairs = { job: 'job.ts', ...(setting !== undefined && { 'bundle-aws-sdk': setting }) }
    expect(read(pairs, { AWS_ENDPOINT_URL: url }).bundleAwsSdk).toBe(bundled)
  },
)

const OF_THE_CDK = ['aws:cdk:bundling-stacks', 'vpc-provider:account=1', '@aws-cdk/core:newStyle']

test('a name that was typed is one that is known, or of the CDK', () => {
  const names = ['job', 'removal-policy', 'htp-auth', 'colour', ...OF_THE_CDK]
  const known = "job, stack, set, http-auth, bundle-aws-sdk, removal-policy, or a setting of the CDK's own"
  expect(unknownNames(names)).toEqual([
    `-c htp-auth: expected one of ${known}`,
    `-c colour: expected one of ${known}`,
  ])
})

test.each([
  ['htp-auth', 'http-auth'],
  ['httpAuth', 'http-auth'],
  ['removalPolicy', 'removal-policy'],
  ['bundle-aws-sdks', 'bundle-aws-sdk'],
  ['sets', 'set'],
  ['jop', 'job'],
])('a name that is nearly one is warned of: %s', (name, meant) => {
  expect(misspeltNames([name])).toEqual([`-c ${name}: it means nothing here; did you mean '${meant}'?`])
})

test('a name that may be another’s is not', () => {
  const others = ['stage', 'env', 'account', 'acknowledged-issue-numbers', 'cli-telemetry']
  expect(misspeltNames([...others, ...OF_THE_CDK, 'set', 'stack'])).toEqual([])
})
