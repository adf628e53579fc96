import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { millrace, type Ended } from '../integration/cli/millrace.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let cwd: string
beforeEach(() => {
  // Within the project, which the CDK knows by its lock file.
  mkdirSync(join(root, 'cdk.out'), { recursive: true })
  cwd = mkdtempSync(join(root, 'cdk.out/test-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

/** As the CDK runs it, but that no code is bundled. */
function app(context: Readonly<Record<string, string>>): Promise<Ended> {
  const command = [
    process.execPath,
    '--conditions=millrace-source',
    '--import',
    import.meta.resolve('tsx'),
    join(root, 'infra/app.ts'),
  ]
  const env = {
    CDK_OUTDIR: join(cwd, 'cdk.out'),
    CDK_CONTEXT_JSON: JSON.stringify({ ...context, 'aws:cdk:bundling-stacks': [] }),
  }
  return millrace([], { command, cwd, env })
}

test('a mistake that is found late is told alone, without a warning of half a stack', async () => {
  const job = join(root, 'examples/word-count.ts')
  expect(await app({ job })).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^word-count: source 'lines' \(textFile\): .*\n(word-count: .*\n)*$/),
  })
})

test('a setting that is misspelt is told, also where it is the one that is needed', async () => {
  const { code, stderr } = await app({ jop: 'job.ts' })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^warning: -c jop: .* did you mean 'job'\?\n-c job: expected the file of a job module/,
  )
})

test('the job that is recommended where none is given can be deployed, and what was deployed before is kept', async () => {
  const { stderr } = await app({})
  const [, recommended] = /-c job=(\S+)/.exec(stderr)!
  const before = { 'Millrace-pages': { JobTableName: 'pages' } }
  writeFileSync(join(cwd, 'cdk-outputs.json'), JSON.stringify(before))

  expect(await app({ job: join(root, recommended!) })).toMatchObject({ code: 0 })
  expect(readFileSync(join(cwd, 'cdk.out/Millrace-word-count-http.template.json'), 'utf8')).toContain(
    'AWS::Lambda::Function',
  )
  expect(JSON.parse(readFileSync(join(cwd, 'cdk-outputs/Millrace-pages.json'), 'utf8'))).toEqual(before)
})
