/** `npm run e2e`: deploys jobs to an emulator of AWS, and takes them through a life of failures. */
import { UserError } from '../../lib/model/faults.ts'
import { commandLine, wholeNumber } from '../../scripts/command-line.ts'
import { expectEndpoint } from '../../scripts/local/endpoint.ts'
import { script } from '../../scripts/local/commands.ts'
import { emptyBucket, emulatorAt, type Emulator } from './emulator.ts'
import { RESULTS_BUCKET } from './jobs/results.ts'
import { readmeScenario } from './readme.ts'
import { windowScenario } from './windows.ts'
import { wordCountScenario } from './word-count.ts'

const USAGE = `Usage: npm run e2e [-- <scenario> …]

Deploys jobs to the emulator of AWS at AWS_ENDPOINT_URL and takes them through a life of failures. What was done and how long it
took is told as it happens; the first that goes wrong ends it, and leaves everything as it is.

  <scenario>  readme, word-count, windows. Default: all
  SEED        in the environment: what happens by chance, a whole number. Default: by the clock`

const SCENARIOS: Readonly<Record<string, (emulator: Emulator, seed: number) => Promise<void>>> = {
  readme: (emulator) => readmeScenario(emulator, step),
  'word-count': (emulator, seed) => wordCountScenario(emulator, step, seed),
  windows: (emulator) => windowScenario(emulator, step),
}

const { positionals, refuse } = commandLine(USAGE, {}, { allowPositionals: true })
const unknown = positionals.filter((name) => !Object.hasOwn(SCENARIOS, name))
if (unknown.length > 0)
  refuse(`Expected scenarios of ${Object.keys(SCENARIOS).join(', ')}; got ${unknown.join(', ')}`)
const givenSeed = process.env['SEED'] ?? String(Date.now() % 1_000_000)
const seed = wholeNumber(givenSeed, 0) ?? refuse(`SEED: expected a whole number, got '${givenSeed}'`)

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
  process.stdout.write(`Emulator at ${endpoint}; SEED=${seed}\n`)
  const emulator = emulatorAt(endpoint)
  await resultsBucket(emulator)
  for (const [name, scenario] of Object.entries(SCENARIOS))
    if (positionals.length === 0 || positionals.includes(name)) await scenario(emulator, seed)
})
