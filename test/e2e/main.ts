/**
 * `npm run e2e [-- word-count | windows]`: deploys jobs to the emulator of AWS at `AWS_ENDPOINT_URL` and takes them through
 * a life of failures. What was done and how long it took is told as it happens; the first that goes wrong ends it, and
 * leaves everything as it is.
 */
import { UserError } from '../../lib/model/faults.ts'
import { expectEndpoint } from '../../scripts/local/endpoint.ts'
import { script } from '../../scripts/local/commands.ts'
import { emptyBucket, emulatorAt, type Emulator } from './emulator.ts'
import { RESULTS_BUCKET } from './jobs/results.ts'
import { windowScenario } from './windows.ts'
import { wordCountScenario } from './word-count.ts'

async function step(name: string, work: () => Promise<void>): Promise<void> {
  const startedAtMs = Date.now()
  process.stdout.write(`→ ${name}\n`)
  await work()
  process.stdout.write(`✓ ${name} (${Math.round((Date.now() - startedAtMs) / 1_000)} s)\n`)
}

async function resultsBucket(emulator: Emulator): Promise<void> {
  const { Buckets: buckets = [] } = await emulator.s3.listBuckets()
  if (buckets.some(({ Name }) => Name === RESULTS_BUCKET)) return emptyBucket(emulator, RESULTS_BUCKET)
  await emulator.s3.createBucket({ Bucket: RESULTS_BUCKET })
}

await script(async () => {
  const endpoint = process.env['AWS_ENDPOINT_URL'] ?? ''
  if (endpoint === '') {
    throw new UserError(
      'Expected AWS_ENDPOINT_URL to be the address of an emulator of AWS; it is not set, so nothing was tested. See ' +
        'docs/guide/deploy.md for emulators that these tests run on',
    )
  }
  await expectEndpoint(endpoint)
  const wanted = process.argv.slice(2)
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  process.stdout.write(`Emulator at ${endpoint}; SEED=${seed}\n`)
  const emulator = emulatorAt(endpoint)
  await resultsBucket(emulator)
  if (wanted.length === 0 || wanted.includes('word-count')) await wordCountScenario(emulator, step, seed)
  if (wanted.length === 0 || wanted.includes('windows')) await windowScenario(emulator, step)
})
