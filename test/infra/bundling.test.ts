import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { afterAll, describe, expect, test, vi } from 'vitest'

import { StreamJob } from '../../infra/stream-job.ts'

const root = join(import.meta.dirname, '../..')

/** Lambda loads a function within its first request: what is larger makes that slower. */
const BUNDLE_BYTES_MAX = 400_000
/** Of a job that checks its records with zod. */
const BUNDLE_WITH_ZOD_BYTES_MAX = 500_000

vi.setConfig({ testTimeout: 180_000 })

const directory = mkdtempSync(join(tmpdir(), 'millrace-bundles-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Bundles of all functions of the job in a module; the same ones are made once. */
async function bundles(entry: string): Promise<readonly string[]> {
  const outdir = mkdtempSync(join(directory, 'app-'))
  const app = new App({ outdir })
  const { functions } = await StreamJob.load(new Stack(app, 'Bundles'), 'Job', { entry })
  app.synth()
  expect(functions.size).toBe(7)
  return readdirSync(outdir, { withFileTypes: true })
    .filter((asset) => asset.isDirectory())
    .map(({ name }) => join(outdir, name, 'index.mjs'))
    .filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined)
}

describe('bundles of functions', () => {
  test.each([
    ['any job', join(import.meta.dirname, 'bundled-job.ts'), 'everything', BUNDLE_BYTES_MAX],
    [
      'the README’s job',
      join(root, 'examples/temperature-alerts.ts'),
      'temperature-alerts',
      BUNDLE_WITH_ZOD_BYTES_MAX,
    ],
  ])(
    'of %s are small, with source maps, and load with nothing but Node beside them',
    async (_, entry, job, bytesMax) => {
      const files = await bundles(entry)
      expect(files.length).toBeGreaterThan(1)
      for (const file of files) {
        expect(statSync(file).size).toBeLessThan(bytesMax)
        const text = readFileSync(file, 'utf8')
        expect(text).toContain('//# sourceMappingURL=index.mjs.map')
        const loaded = execFileSync(
          process.execPath,
          [
            '--input-type=module',
            '--eval',
            `console.log(typeof (await import(${JSON.stringify(file)})).handler)`,
          ],
          { cwd: directory, env: { MILLRACE_JOB: job }, encoding: 'utf8' },
        )
        expect(loaded.trim()).toBe('function')
      }
    },
  )
})
