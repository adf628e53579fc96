import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { Millrace, millrace, ROOT, type Ended } from './millrace.ts'
import { project } from './project.ts'

const fixture = (name: string): string => readFileSync(join(ROOT, 'test/fixtures/jobs', `${name}.ts`), 'utf8')

/** The package as it is published, but for its dependencies, which are this checkout's. */
let installed: string

beforeAll(async () => {
  installed = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-package-')))
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'lib', 'cli']) {
    cpSync(join(ROOT, name), join(installed, name), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'), 'dir')
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: installed })
})

afterAll(() => rmSync(installed, { recursive: true, force: true }))

/** By the file that `package.json` calls `millrace`. */
function installedCommand(): readonly string[] {
  const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    readonly bin: { readonly millrace: string }
  }
  return [process.execPath, join(installed, bin.millrace)]
}

function installedMillrace(args: readonly string[], cwd: string): Promise<Ended> {
  return millrace(args, { cwd, command: installedCommand() })
}

test.each([
  ['of modules', '{ "type": "module" }'],
  ['of CommonJS', '{}'],
])('runs a job of a project %s', async (_kind, manifest) => {
  const cwd = project({ 'package.json': manifest, 'job.ts': fixture('letters') }, { installed })
  const { code, stdout, stderr } = await installedMillrace(['run', 'job.ts'], cwd)
  expect(stdout).toBe('a seen\nb seen\na seen\nc seen\n')
  expect(stderr).not.toContain('Warning')
  expect(code).toBe(0)
})

test('runs a job that is JavaScript', async () => {
  const text = `
    import { collection, defineJob, print } from 'millrace'
    export default defineJob({ name: 'job' }, (env) => env.source('words', collection(['hello'])).sinkTo('out', print()))`
  const cwd = project({ 'job.mjs': text }, { installed })
  expect(await installedMillrace(['run', 'job.mjs'], cwd)).toMatchObject({ code: 0, stdout: 'hello\n' })
})

test('runs a job that has loaded another copy of the package, and tells its mistakes', async () => {
  const another = join(installed, 'another')
  for (const name of ['package.json', 'dist'])
    cpSync(join(installed, name), join(another, name), { recursive: true })
  const cwd = project(
    {
      'job.ts': fixture('ticker').replace('ratePerSecond: 200', 'count: 3'),
      'wrong.ts': `import { defineJob, generator } from 'millrace'
        export default defineJob({ name: 'job' }, (env) => void env.source('a', generator({ generate: () => 1, count: -1 })))`,
    },
    { installed: another },
  )
  const { code, stdout } = await installedMillrace(['run', 'job.ts'], cwd)
  expect(stdout).toBe('tick 0: 1 of its kind\ntick 1: 1 of its kind\ntick 2: 1 of its kind\n')
  expect(code).toBe(0)

  const wrong = await installedMillrace(['run', 'wrong.ts'], cwd)
  expect(wrong.stderr).toMatch(
    /^error: wrong\.ts:2:\d+: generator: expected count to be at least 0, got -1\n$/,
  )
  expect(wrong.code).toBe(2)
})

test('ends a job whose code does not return: the thread that watches it is part of the package', async () => {
  const cwd = project({ 'job.ts': fixture('endless-loop') }, { installed })
  const run = new Millrace(['run', 'job.ts'], { cwd, command: installedCommand() })
  onTestFinished(() => run.kill('SIGKILL'))
  await run.says('stderr', 'Ctrl-C now stops at once.')
  run.kill('SIGINT')
  expect((await run.ended).code).toBe(130)
})

test('says its version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect(await installedMillrace(['--version'], installed)).toMatchObject({ code: 0, stdout: `${version}\n` })
})

test.each([
  [[], /Usage: millrace .*run .*plan .*inspect .*Examples:.*Exit codes:/s],
  [['run'], /Usage: millrace run .*--from.*--allow-non-restored-state.*Examples:.*Exit codes:.*130, 143/s],
  [['plan'], /Usage: millrace plan .*--mermaid.*Examples:.*Exit codes:/s],
  [['inspect'], /Usage: millrace inspect .*--json.*Examples:.*Exit codes:/s],
])('helps with %j', async (args, text) => {
  const { code, stdout } = await installedMillrace([...args, '--help'], installed)
  expect(stdout).toMatch(text)
  expect(code).toBe(0)
})
