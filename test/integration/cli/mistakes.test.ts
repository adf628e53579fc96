import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { millrace, ROOT, type Ended } from './millrace.ts'
import { project } from './project.ts'

const TICKER = join(ROOT, 'test/fixtures/jobs/ticker.ts')
const LETTERS = join(ROOT, 'test/fixtures/jobs/letters.ts')

const IMPORT = `import { defineJob } from 'millrace'\n`

/** What becomes of a job file, with these contents. */
function planOf(name: string, text: string): Promise<Ended> {
  return millrace(['plan', name], { cwd: project({ [name]: text }) })
}

/** Every line of it, none of which is a frame of a stack. */
function problems(stderr: string): string[] {
  expect(stderr).not.toMatch(/^ +at /m)
  return stderr.trimEnd().split('\n')
}

describe.concurrent('the command line', () => {
  test.each([
    [['rum'], ["error: unknown command 'rum'", '(Did you mean run?)']],
    [
      ['run', LETTERS, '--paralelism', '2'],
      ["error: unknown option '--paralelism'", '(Did you mean --parallelism?)'],
    ],
    [['run'], ["error: missing required argument 'job'"]],
    [['run', LETTERS, 'more.ts'], ["error: too many arguments for 'run'. Expected 1 argument but got 2."]],
    [['run', LETTERS, '--from'], ["error: option '--from <where>' argument missing"]],
  ])('%j', async (args, expected) => {
    const { code, stdout, stderr } = await millrace(args)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(problems(stderr)).toEqual([...expected, expect.stringContaining('millrace --help')])
  })

  test('without a command: help, as the mistake that it is', async () => {
    const { code, stderr } = await millrace([])
    expect(code).toBe(2)
    expect(stderr).toContain('Usage: millrace')
  })

  test('every problem is told at once', async () => {
    const args = [
      'run',
      'nowhere.ts',
      '-p',
      'many',
      '--set',
      'parallelism.default',
      '--set',
      'a=1',
      '--config',
      'no.yaml',
    ]
    const { code, stderr } = await millrace(args, { cwd: project({ 'job.ts': '' }) })
    expect(code).toBe(2)
    expect(problems(stderr)).toEqual([
      'error: nowhere.ts: no such file',
      "error: --parallelism: expected a whole number from 1 to 32768, such as --parallelism 4, got 'many'",
      "error: --set: expected key=value, such as --set parallelism.default=4, got 'parallelism.default'",
      'error: --config: expected a YAML or JSON file, found no file no.yaml',
    ])
  })
})

describe.concurrent('the job file', () => {
  test.each<[what: string, name: string, text: string, expected: string]>([
    [
      'a file of another kind',
      'job.py',
      '',
      'job.py: expected a job module (.ts, .mts, .js, .mjs), found a file of another kind',
    ],
    [
      'TypeScript that does not parse',
      'job.ts',
      'const a: number = 1\nexport default {\n  a,,\n}\n',
      'job.ts:3:4: syntax error: Expected identifier but found ","',
    ],
    [
      'JavaScript that does not parse',
      'job.mjs',
      'const a = 1\nexport default {\n  a,,\n}\n',
      "job.mjs:3: syntax error: Unexpected token ','",
    ],
    [
      'no exports',
      'job.ts',
      'const a = 1',
      'job.ts: expected `export default defineJob(…)`, found no exports at all',
    ],
    [
      'no default export',
      'job.ts',
      'export const a = 1',
      'job.ts: expected `export default defineJob(…)`, found only the exports a',
    ],
    [
      'a job that is not the default export',
      'job.ts',
      `${IMPORT}export const job = defineJob({ name: 'job' }, () => {})`,
      'job.ts: expected `export default defineJob(…)`, found a job exported as `job`; export it as the default',
    ],
    [
      'another default export',
      'job.ts',
      'export default () => {}',
      'job.ts: expected `export default defineJob(…)`, found a default export that is a function; ' +
        'a job is what `defineJob(options, function)` returns',
    ],
    [
      'a promise of a job',
      'job.ts',
      'export default Promise.resolve(1)',
      'job.ts: expected `export default defineJob(…)`, found a default export that is a promise; use `export default await …`',
    ],
    [
      'a package that is not installed',
      'job.ts',
      `import x from '@scope/missing/deep.js'\nexport default x`,
      "job.ts: imports '@scope/missing', which is not installed; run `npm install @scope/missing`",
    ],
    [
      'a module that is not there',
      'job.ts',
      `import x from './lib/other.ts'\nexport default x`,
      'job.ts: imports lib/other.ts, which does not exist',
    ],
    [
      'an export that is not there',
      'job.ts',
      `import { nothing } from 'millrace'\nexport default nothing`,
      "job.ts:1: The requested module 'millrace' does not provide an export named 'nothing'",
    ],
    ['what is no error, thrown', 'job.ts', `throw 'text'`, 'job.ts: threw text while it was loaded'],
    [
      "Millrace's word against what is built outside of the job",
      'job.ts',
      `${IMPORT}export default defineJob({ name: 'job' }, 1 as never)`,
      'job.ts:2:16: defineJob: expected a function (env) => void after the options, got number',
    ],
    [
      'a graph that cannot be',
      'job.ts',
      `${IMPORT}export default defineJob({ name: 'job' }, () => {})`,
      'the job has no source: add env.source(…)',
    ],
  ])('%s', async (_what, name, text, expected) => {
    const { code, stdout, stderr } = await planOf(name, text)
    expect(stdout).toBe('')
    expect(problems(stderr)).toEqual([`error: ${expected}`])
    expect(code).toBe(2)
  })

  test('a directory', async () => {
    const { stderr } = await millrace(['plan', 'lib'], { cwd: project({ 'lib/job.ts': '' }) })
    expect(stderr).toBe('error: lib: expected a job module, found a directory\n')
  })

  test.each([
    ['word-count.js', 'word-count.ts'],
    ['wordcount.ts', 'word-count.ts'],
    ['words.ts', undefined],
    // What a project has beside its jobs is none.
    ['vitest.ts', undefined],
    ['dependency-cruiser.mjs', undefined],
  ])(
    'that is not there: of %s the file of nearly that name is suggested that may be one: %s',
    async (typed, meant) => {
      const names = [
        'word-count.ts',
        'vitest.config.ts',
        '.dependency-cruiser.mjs',
        'words.test.ts',
        'words.d.ts',
      ]
      const cwd = project(Object.fromEntries(names.map((name) => [name, ''])))
      const { code, stderr } = await millrace(['plan', typed], { cwd })
      expect(code).toBe(2)
      const told = meant === undefined ? '' : `; did you mean ${join(cwd, meant)}?`
      expect(stderr).toBe(`error: ${typed}: no such file${told}\n`)
    },
  )

  test.each([
    ['while it is loaded', 'fail()', 'job.ts: threw while it was loaded:'],
    [
      'while it builds the graph',
      `export default defineJob({ name: 'job' }, () => fail())`,
      'job: its function threw while it built the graph:',
    ],
  ])('that throws %s: with its own part of the stack', async (_when, text, expected) => {
    const { code, stderr } = await planOf(
      'job.ts',
      `${IMPORT}function fail(): never {\n  throw new TypeError('bad luck')\n}\n${text}`,
    )
    expect(code).toBe(2)
    const lines = stderr.trimEnd().split('\n')
    expect(lines.slice(0, 3)).toEqual([
      `error: ${expected}`,
      '  TypeError: bad luck',
      '      at fail (job.ts:3:9)',
    ])
    expect(lines.slice(3).every((line) => /^ {6}at .*job\.ts:5:\d+\)?$/.test(line))).toBe(true)
  })
})

describe.concurrent('settings', () => {
  test('wrong in the command, the job and the file: each problem with its place', async () => {
    const cwd = project({
      'millrace.yaml': 'execution.checkpointing.mode: sometimes',
      'job.ts': `import { defineJob } from 'millrace'
        export default defineJob({ name: 'job', checkpointing: { timeout: 'soon' } }, () => {})`,
    })
    const args = [
      'plan',
      'job.ts',
      '--config',
      'millrace.yaml',
      '--set',
      'execution.checkpointing.intervall=1s',
    ]
    const { code, stderr } = await millrace(args, { cwd })
    expect(code).toBe(2)
    expect(problems(stderr)).toEqual([
      expect.stringMatching(
        /^error: execution\.checkpointing\.mode \(.*millrace\.yaml\): expected .* got "sometimes"/,
      ),
      expect.stringMatching(/^error: checkpointing\.timeout \(job code\): expected .* got "soon"/),
      expect.stringMatching(/^error: execution\.checkpointing\.intervall \(--set\): unknown .*interval'\?$/),
    ])
  })

  test('a file that is no YAML', async () => {
    const cwd = project({ 'bad.yaml': 'a: [' })
    const { code, stderr } = await millrace(['plan', LETTERS, '--config', 'bad.yaml'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: bad\.yaml: expected YAML or JSON/)
    expect(stderr).not.toMatch(/^ +at /m)
  })
})

describe.concurrent('checkpoints', () => {
  test('a directory for them that is none', async () => {
    const args = ['run', TICKER, '--set', 'execution.checkpointing.dir=file']
    const { code, stderr } = await millrace(args, { cwd: project({ file: '' }) })
    expect(problems(stderr)).toEqual([expect.stringMatching(/^error: .*file: .* expected a directory/)])
    expect(code).toBe(2)
  })

  test('none to go on from', async () => {
    const { code, stderr } = await millrace(['run', LETTERS, '--from', 'latest'], { cwd: project({}) })
    expect(code).toBe(2)
    expect(problems(stderr)).toEqual([
      expect.stringMatching(
        /^error: --from latest: expected a completed checkpoint of job 'letters' in .*, found none/,
      ),
    ])
  })

  test.each([
    ['run', LETTERS, '--from', 'nowhere'],
    ['inspect', 'nowhere'],
  ])('not where %s looks', async (...args) => {
    const { code, stderr } = await millrace(args, { cwd: project({}) })
    expect(code).toBe(2)
    expect(problems(stderr)).toEqual([
      expect.stringMatching(/^error: nowhere: expected the directory of a checkpoint/),
    ])
  })
})
