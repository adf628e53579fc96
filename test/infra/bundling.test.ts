import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { afterAll, describe, expect, test, vi } from 'vitest'

import { StreamJob } from '../../infra/stream-job.ts'
import { jobWithEverything } from './jobs.ts'

/** Lambda loads a function within its first request: what is larger makes that slower. */
const BUNDLE_BYTES_MAX = 400_000

vi.setConfig({ testTimeout: 180_000 })

const outdir = mkdtempSync(join(tmpdir(), 'millrace-bundles-'))
afterAll(() => rmSync(outdir, { recursive: true, force: true }))

/** Bundles of all functions; the same ones are made once. */
function bundles(): readonly string[] {
  const app = new App({ outdir })
  const stack = new Stack(app, 'Bundles')
  const entry = join(import.meta.dirname, 'bundled-job.ts')
  const { functions } = new StreamJob(stack, 'Job', { entry, job: jobWithEverything() })
  app.synth()
  expect(functions.size).toBe(7)
  return readdirSync(outdir, { withFileTypes: true })
    .filter((asset) => asset.isDirectory())
    .map(({ name }) => join(outdir, name, 'index.mjs'))
    .filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined)
}

describe('bundles of functions', () => {
  test('are small, with source maps, and load with nothing but Node beside them', () => {
    const files = bundles()
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) {
      expect(statSync(file).size).toBeLessThan(BUNDLE_BYTES_MAX)
      const text = readFileSync(file, 'utf8')
      expect(text).toContain('//# sourceMappingURL=index.mjs.map')
      const loaded = execFileSync(
        process.execPath,
        [
          '--input-type=module',
          '--eval',
          `console.log(typeof (await import(${JSON.stringify(file)})).handler)`,
        ],
        { cwd: outdir, env: { MILLRACE_JOB: 'everything' }, encoding: 'utf8' },
      )
      expect(loaded.trim()).toBe('function')
    }
  })
})
