import { expect, test } from 'vitest'

import { readContext, type AppContext } from '../../infra/app-context.ts'

function read(pairs: Readonly<Record<string, unknown>>): AppContext {
  return readContext((key) => pairs[key])
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
