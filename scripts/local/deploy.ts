/**
 * `npm run local:deploy -- examples/word-count-http.ts [-c name=value …]`: deploys a job to LocalStack, or to the emulator
 * at `AWS_ENDPOINT_URL`. What comes after the job are settings of infra/app.ts.
 */
import { UserError } from '../../lib/model/faults.ts'
import { cdk, script } from './commands.ts'
import { deployToEmulator } from './deploy-to-emulator.ts'
import { emulatorEnvironment, endpointOf, expectEndpoint } from './endpoint.ts'

await script(async () => {
  const [job, ...args] = process.argv.slice(2)
  if (job === undefined || job.startsWith('-')) {
    throw new UserError('Expected the file of a job: npm run local:deploy -- examples/word-count-http.ts')
  }
  await expectEndpoint(endpointOf(process.env))
  await deployToEmulator(cdk, { job, args, env: emulatorEnvironment(process.env) })
})
