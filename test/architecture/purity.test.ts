import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const oxlint = join(dirname(createRequire(import.meta.url).resolve('oxlint/package.json')), 'bin/oxlint')
const impure = 'test/architecture/fixtures/purity/lib/task/impure.ts'

interface Finding {
  code: string
  message: string
  filename: string
}

let findings: Finding[]

beforeAll(async () => {
  findings = await lint('test/architecture/fixtures/purity')
})

test.each([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'fetch',
  'crypto',
  'globalThis',
  'Math.random',
  'node:fs',
  'node:timers/promises',
])('the core may not use %s', (name) => {
  const named = findings.filter(
    ({ filename, message }) => filename === impure && message.includes(`'${name}'`),
  )

  expect(named).not.toEqual([])
})

test.each(['typescript(no-floating-promises)', 'typescript(no-explicit-any)', 'eslint(no-unused-vars)'])(
  'the linter reports %s',
  (code) => {
    expect(findings.map((finding) => finding.code)).toContain(code)
  },
)

test('the runtimes around the core may use what the core may not', () => {
  expect(findings.filter(({ filename }) => filename !== impure)).toEqual([])
})

/** The linter as `npm run lint` runs it, with its findings as data. It exits with 1 when it finds something. */
function lint(folder: string): Promise<Finding[]> {
  return new Promise((resolve, reject) => {
    const args = [oxlint, '--type-aware', '--format=json', folder]
    execFile(process.execPath, args, { cwd: root }, (_error, stdout, stderr) => {
      try {
        resolve((JSON.parse(stdout) as { diagnostics: Finding[] }).diagnostics)
      } catch {
        reject(new Error(`Expected JSON from the linter, got "${stdout}${stderr}"`))
      }
    })
  })
}
