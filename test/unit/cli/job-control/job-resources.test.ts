import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import { jobResources } from '../../../../cli/job-control/job-resources.ts'
import { keepOutputs } from '../../../../cli/job-control/outputs-files.ts'

const cwd = mkdtempSync(join(tmpdir(), 'millrace-outputs-'))
afterAll(() => rmSync(cwd, { recursive: true }))

const outputs = (job: string, construct = 'Job'): Record<string, string> => ({
  [`${construct}TableName1A2B3C4D`]: `${job}-table`,
  [`${construct}BucketName0A2B3C4D`]: `${job}-bucket`,
  [`${construct}CoordinatorQueueUrl5E6F7A8B`]: `${job}-queue`,
  [`${construct}TaskQueueUrl5E6F7A8B`]: `${job}-tasks`,
})

const words = { table: 'words-table', coordinatorQueueUrl: 'words-queue' }

function write(file: string, content: unknown): string {
  writeFileSync(join(cwd, file), typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const one = write('one.json', { 'Millrace-words': outputs('words') })
const two = write('two.json', { 'Millrace-words': outputs('words'), 'Millrace-pages': outputs('pages') })
const own = write('own.json', {
  App: { ...outputs('words', 'Words'), ...outputs('pages', 'Pages'), Other: 'x' },
})

describe('from the outputs of a deployment', () => {
  test('the only job', () => {
    expect(jobResources(undefined, { outputs: one }, { env: {}, cwd })).toMatchObject(words)
  })

  test.each(['words', 'Millrace-words', 'Millrace-words/Job'])('the job named %s', (name) => {
    expect(jobResources(name, { outputs: two }, { env: {}, cwd })).toMatchObject(words)
  })

  test.each(['Words', 'App/Words'])('the job %s of several in one stack', (name) => {
    expect(jobResources(name, { outputs: own }, { env: {}, cwd })).toMatchObject(words)
  })

  test('cdk-outputs.json is the file, where none is named', () => {
    expect(() => jobResources(undefined, {}, { env: {}, cwd })).toThrow(
      /^Expected to be told which job: found no cdk-outputs\.json here/,
    )
    write('cdk-outputs.json', { 'Millrace-words': outputs('words') })
    expect(jobResources(undefined, {}, { env: {}, cwd })).toMatchObject(words)
  })
})

describe('of jobs that were deployed one after the other', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-outputs-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  const resources = (name?: string): unknown => jobResources(name, {}, { env: {}, cwd: directory })

  /** As `cdk deploy` does: what was deployed before is overwritten. */
  function deploy(job: string, table = job): void {
    keepOutputs(directory, `Millrace-${job}`)
    writeFileSync(
      join(directory, 'cdk-outputs.json'),
      JSON.stringify({ [`Millrace-${job}`]: outputs(table) }),
    )
  }

  test('each is found by its name, as it was deployed last, and none where no name is given', () => {
    deploy('words', 'older')
    deploy('pages')
    expect(resources('words')).toMatchObject({ table: 'older-table' })
    deploy('words')
    expect(resources('words')).toMatchObject(words)
    expect(resources('pages')).toMatchObject({ table: 'pages-table' })
    expect(() => resources()).toThrow(
      /^cdk-outputs\.json, cdk-outputs\/: expected one job, or the name of the one that is meant; found .*Millrace-pages\/Job/,
    )
  })

  test('a job that is deployed again stays the only one', () => {
    rmSync(join(directory, 'cdk-outputs'), { recursive: true, force: true })
    deploy('words')
    deploy('words')
    expect(resources()).toMatchObject(words)
  })
})

describe('by names', () => {
  const env = { MILLRACE_TABLE: 'words-table', MILLRACE_COORDINATOR_QUEUE_URL: 'words-queue' }

  test('flags, the environment, or one of each', () => {
    expect(
      jobResources(undefined, { table: 'words-table', coordinatorQueue: 'words-queue' }, { env: {}, cwd }),
    ).toEqual(words)
    expect(jobResources(undefined, {}, { env, cwd: '/nowhere' })).toEqual(words)
    expect(jobResources(undefined, { table: 'other' }, { env, cwd })).toEqual({ ...words, table: 'other' })
  })

  test('a job that is named is not that of the environment', () => {
    expect(jobResources('pages', { outputs: two }, { env, cwd })).toMatchObject({ table: 'pages-table' })
  })
})

describe('refused', () => {
  test.each([
    [undefined, { outputs: two }, /expected one job, .*found Millrace-words\/Job, Millrace-pages\/Job/],
    ['none', { outputs: two }, /expected a job none, found Millrace-words\/Job/],
    ['App', { outputs: own }, /expected one job of the name App, found App\/Words, App\/Pages/],
    [
      undefined,
      { outputs: write('empty.json', {}) },
      /expected the outputs of a stack with a job, found none/,
    ],
    [undefined, { outputs: write('text.json', 'no json') }, /expected JSON/],
    [undefined, { outputs: write('list.json', [1]) }, /expected the outputs of stacks/],
    [undefined, { outputs: 'missing.json' }, /found no file missing\.json/],
    [undefined, { outputs: '.' }, /expected the file that/],
    [undefined, { table: 'x' }, /^--coordinator-queue: expected it as well/],
    [undefined, { coordinatorQueue: 'x' }, /^--table: expected it as well/],
    ['words', { table: 'x', coordinatorQueue: 'y' }, /expected them alone/],
  ])('%s %j', (name, flags, message) => {
    expect(() => jobResources(name, flags, { env: {}, cwd })).toThrow(message)
  })
})
