/** `npm run local:deploy`: deploys a job to LocalStack, or to the emulator at `AWS_ENDPOINT_URL`. */
import { commandLine } from '../command-line.ts'
import { deploymentContext } from '../deployment-context.ts'
import { cdk, script } from './commands.ts'
import { deployToEmulator } from './deploy-to-emulator.ts'
import { emulatorEnvironment, endpointOf, expectEndpoint } from './endpoint.ts'

const USAGE = `Usage: npm run local:deploy -- <job> [-c name=value …]

Deploys a job to LocalStack, or to the emulator at AWS_ENDPOINT_URL.

  <job>  the file of the job, such as examples/word-count-http.ts
  -c     a setting of the deployment: docs/guide/deploy.md lists them`

const { values, positionals, refuse, accept } = commandLine(
  USAGE,
  { context: { type: 'string', short: 'c', multiple: true, default: [] } },
  { allowPositionals: true },
)
const [job = refuse('Expected the file of a job'), ...others] = positionals
if (others.length > 0) refuse(`Expected the file of one job, got ${positionals.join(', ')}`)
accept(() => deploymentContext(job, values.context, process.env))
const args = values.context.flatMap((pair) => ['-c', pair])

await script(async () => {
  await expectEndpoint(endpointOf(process.env))
  await deployToEmulator(cdk, { job, args, env: emulatorEnvironment(process.env) })
})
