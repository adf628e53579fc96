/** `npm run local:down`: removes a job that was deployed to an emulator, or stops LocalStack. */
import { UserError } from '../../lib/model/faults.ts'
import { commandLine } from '../command-line.ts'
import { cdk, expectDocker, run, script } from './commands.ts'
import { endpointOf, expectEndpoint, isGivenEndpoint } from './endpoint.ts'
import { removeFromEmulator } from './remove-from-emulator.ts'

const USAGE = `Usage: npm run local:down [-- <job>]

Removes a job that was deployed to an emulator, with all its state. Without a job, and without AWS_ENDPOINT_URL, stops
LocalStack, which forgets everything.

  <job>  the file of the job, as it was deployed`

const { positionals, refuse } = commandLine(USAGE, {}, { allowPositionals: true })
const [job, ...others] = positionals
if (others.length > 0) refuse(`Expected the file of one job, got ${positionals.join(', ')}`)

await script(async () => {
  if (job !== undefined) return remove(job)
  if (isGivenEndpoint(process.env)) {
    throw new UserError(
      'Expected the file of the job to remove, since AWS_ENDPOINT_URL names an emulator that was not started here: ' +
        'npm run local:down -- examples/word-count-http.ts',
    )
  }
  expectDocker()
  await run('docker', ['compose', 'down', '--volumes'], process.env)
})

async function remove(deployed: string): Promise<void> {
  const endpoint = endpointOf(process.env)
  await expectEndpoint(endpoint)
  if (await removeFromEmulator(cdk, deployed, process.env)) return
  process.stdout.write(
    `${deployed}: ${endpoint} knew nothing of its state any more, and what was noted here is removed\n`,
  )
}
