/**
 * Deploys one job: `npx cdk deploy -c job=examples/word-count-http.ts`. Settings, all by `-c name=value`:
 *
 * - `job`: the file of the job module. Needed.
 * - `stack`: the name of the stack. Default: `Millrace-` and the job's name.
 * - `set`: settings that override the job's: `-c set=parallelism.default=4,execution.checkpointing.interval=5s`.
 * - `http-auth`: `iam` (the default), or `none` to let anybody post records who knows the URL.
 * - `bundle-aws-sdk`: `true` puts the AWS SDK into the functions; `false` leaves it to Lambda's Node runtime. Default: `false`; `true`
 *   where `AWS_ENDPOINT_URL` is set, since the functions of emulators have none.
 * - `removal-policy`: `destroy` deletes all state with the stack. Default: `retain`.
 *
 * More is to be said in a stack of your own, by the properties of `StreamJob`.
 */
import { App, RemovalPolicy, Stack } from 'aws-cdk-lib'

import { keepOutputs } from '../cli/job-control/outputs-files.ts'
import { loadJob } from '../cli/job/load-job.ts'
import { UserError } from '../lib/model/faults.ts'
import { misspeltNames, readContext } from './app-context.ts'
import { resourceSlug } from './job-names.ts'
import { StreamJob } from './stream-job.ts'

async function main(): Promise<void> {
  // By itself it would synthesise at exit, and warn of half a stack after the mistake that is to be mended.
  const app = new App({ autoSynth: false })
  for (const problem of misspeltNames(Object.keys(app.node.getAllContext() as object)))
    process.stderr.write(`warning: ${problem}\n`)
  const context = readContext((key) => app.node.tryGetContext(key) as unknown, process.env)
  const job = await loadJob(context.job)
  const stack = new Stack(app, context.stack ?? `Millrace-${resourceSlug(job.options.name)}`)
  // oxlint-disable-next-line no-new -- a construct adds itself to the stack
  new StreamJob(stack, 'Job', {
    entry: context.job,
    job,
    httpAuth: context.httpAuth,
    bundleAwsSdk: context.bundleAwsSdk,
    removalPolicy: context.destroy ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    settings: context.settings,
  })
  app.synth()
  // Whatever is done with the stack, this is the last that is heard of it before.
  keepOutputs(process.cwd(), stack.stackName)
}

try {
  await main()
} catch (cause) {
  if (!(cause instanceof UserError)) throw cause
  process.stderr.write(`${cause.problems.join('\n')}\n`)
  process.exitCode = 1
}
