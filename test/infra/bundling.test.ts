import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda'
import { afterAll, describe, expect, test, vi } from 'vitest'

import { StreamJob } from '../../infra/stream-job.ts'
import { resourcesOf } from './synth.ts'

const root = join(import.meta.dirname, '../..')

/** Lambda loads a function within its first request: what is larger makes that slower. */
const BUNDLE_BYTES_MAX = 400_000
/** Of functions that take records in or pass messages on: they have nothing of the engine. */
const PASSING_BUNDLE_BYTES_MAX = 160_000
/** What a job adds that checks its records with zod. */
const ZOD_BYTES_MAX = 100_000

const RUNS_ENGINE = ['Operator', 'Coordinator', 'Ingest']

vi.setConfig({ testTimeout: 180_000 })

const directory = mkdtempSync(join(tmpdir(), 'millrace-bundles-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Of all functions of the job in a module, by their names. */
async function bundles(entry: string): Promise<ReadonlyMap<string, string>> {
  const outdir = mkdtempSync(join(directory, 'app-'))
  const app = new App({ outdir })
  const stack = new Stack(app, 'Bundles')
  const { functions } = await StreamJob.load(stack, 'Job', { entry })
  app.synth()
  const made = resourcesOf(Template.fromStack(stack), 'AWS::Lambda::Function')
  return new Map(
    [...functions].map(([name, { handler }]) => {
      const { Code: code } = made.get(
        stack.getLogicalId(handler.node.defaultChild as CfnFunction),
      )!.Properties
      const asset = (code as { readonly S3Key: string }).S3Key.replace(/\.zip$/, '')
      return [name, join(outdir, `asset.${asset}`, 'index.mjs')]
    }),
  )
}

describe('bundles of functions', () => {
  test.each([
    ['any job', join(import.meta.dirname, 'bundled-job.ts'), 'everything', 0],
    ['the README’s job', join(root, 'examples/temperature-alerts.ts'), 'temperature-alerts', ZOD_BYTES_MAX],
  ])(
    'of %s are small, with source maps, and load with nothing but Node beside them',
    async (_, entry, job, addedBytesMax) => {
      const files = await bundles(entry)
      expect(files.size).toBe(7)
      const bytesMaxOf = (name: string): number =>
        (RUNS_ENGINE.includes(name) ? BUNDLE_BYTES_MAX : PASSING_BUNDLE_BYTES_MAX) + addedBytesMax
      const sizes = [...files].map(([name, file]) => ({ name, bytes: statSync(file).size }))
      expect(sizes.filter(({ name, bytes }) => bytes > bytesMaxOf(name))).toEqual([])
      for (const file of files.values()) {
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
