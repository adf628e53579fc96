/** `npm run local:up`: starts LocalStack in Docker, and waits until it is ready. */
import { commandLine } from '../command-line.ts'
import { expectDocker, run, script } from './commands.ts'
import { endpointOf, expectEndpoint, isGivenEndpoint } from './endpoint.ts'

commandLine(
  `Usage: npm run local:up

Starts LocalStack in Docker, and waits until it is ready. With AWS_ENDPOINT_URL set, looks whether that emulator answers.`,
  {},
)

await script(async () => {
  const endpoint = endpointOf(process.env)
  if (isGivenEndpoint(process.env)) {
    await expectEndpoint(endpoint)
    process.stdout.write(`AWS_ENDPOINT_URL is set: ${endpoint} answers, and nothing is to be started\n`)
    return
  }
  expectDocker()
  await run('docker', ['compose', 'up', '--detach', '--wait'], process.env)
  process.stdout.write(`LocalStack is ready at ${endpoint}\n`)
})
