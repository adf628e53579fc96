/** `npm run job:update`: gives a job that is deployed new code, or other settings. */
import { existsSync } from 'node:fs'
import { join, parse, relative } from 'node:path'

import { askJob, expectStatus, type AskOutcome, type UserRequest } from '../cli/job-control/ask-job.ts'
import { progressLine } from '../cli/job-control/ask-outcome.ts'
import { awsJob, clientsFor, type OpenJob } from '../cli/job-control/aws-job.ts'
import { explainAwsFault } from '../cli/job-control/explain-aws-fault.ts'
import { waitMsOf } from '../cli/job-control/job-flags.ts'
import { jobResources, type JobResources, type TargetFlags } from '../cli/job-control/job-resources.ts'
import { OUTPUTS_FILE } from '../cli/job-control/outputs-files.ts'
import { loadJob } from '../cli/job/load-job.ts'
import { shellCommand } from '../cli/text/shell.ts'
import { resourceSlug } from '../infra/job-names.ts'
import { AwsFault } from '../lib/aws/aws-fault.ts'
import type { JobPlan } from '../lib/graph/plan.ts'
import { messageOf, UserError } from '../lib/model/faults.ts'
import type { BlobStore } from '../lib/ports/blob-store.ts'
import { deploymentOf } from '../lib/serverless/deployment.ts'
import { commandLine } from './command-line.ts'
import { deploymentContext } from './deployment-context.ts'
import { cdk, projectRoot, script } from './local/commands.ts'
import { emulatorContext, outputsFile } from './local/deploy-to-emulator.ts'
import { emulatorEnvironment, expectEndpoint, isGivenEndpoint } from './local/endpoint.ts'
import { checkpointStore, misfitsOf, type Misfits } from './state-misfits.ts'
import { updateJob } from './update-steps.ts'

const USAGE = `Usage: npm run job:update -- <job> [options]

Gives a job that is deployed new code, or other settings: looks whether they can be deployed and take over the job's state, stops
the job with a savepoint, deploys, and starts it from there. With AWS_ENDPOINT_URL set, on the emulator at that address.

  <job>                         the file of the job, such as examples/word-count-http.ts
  -c <name=value>               a setting of the deployment, as for cdk deploy; repeatable. Say all of them each time: what is
                                left out is as if it had never been set: a URL that http-auth=none had opened is closed again
  --allow-non-restored-state    drops state that no operator of the new code claims, instead of refusing
  --require-approval <what>     what you are asked to approve, before the job is stopped: broadening (of permissions; the default),
                                any-change, destructive, never. Without a terminal what is to be approved is refused
  --wait <duration>             how long a step may take the job. Default: 10 min`

const APPROVALS = ['broadening', 'any-change', 'destructive', 'never']

const { values, positionals, refuse, accept } = commandLine(
  USAGE,
  {
    context: { type: 'string', short: 'c', multiple: true, default: [] },
    'allow-non-restored-state': { type: 'boolean', default: false },
    'require-approval': { type: 'string' },
    wait: { type: 'string', default: '10 min' },
  },
  { allowPositionals: true },
)
const [job = refuse('Expected the file of a job'), ...others] = positionals
if (others.length > 0) refuse(`Expected the file of one job, got ${positionals.join(', ')}`)
const allowNonRestoredState = values['allow-non-restored-state']
const approval = values['require-approval']
if (approval !== undefined && !APPROVALS.includes(approval))
  refuse(`--require-approval: expected ${APPROVALS.join(', ')}, got ${approval}`)
const waitMs = accept(() => waitMsOf(values))
const given = accept(() => deploymentContext(job, values.context, process.env))

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Where the job is deployed to, and by what name it is known there. */
interface Target {
  readonly env: NodeJS.ProcessEnv
  /** `-c name=value`, below what is given. */
  readonly context: readonly string[]
  readonly outputs: string
  readonly name: string | undefined
  readonly flags: TargetFlags
  /** How the job gets to be known here. */
  readonly advice: string
}

await script(async () => {
  const definition = await loadJob(job)
  const stack = given.stack ?? `Millrace-${resourceSlug(definition.options.name)}`
  const target = isGivenEndpoint(process.env) ? await onEmulator(stack) : onAws(stack)
  const { env, outputs } = target
  const assembly = join(projectRoot, 'cdk.out', 'update', parse(job).name)
  const context = [...target.context, ...values.context.flatMap((pair) => ['-c', pair]), '-c', `job=${job}`]
  const deploy = ['deploy', '--app', assembly, '--outputs-file', outputs]

  await updateJob(
    {
      jobName: definition.options.name,
      command: (words, more = []) => commandOn(target, words, more),
      status: () => withJob(target, ({ log }) => expectStatus(log)),
      misfits: (location) => misfits(target, location, deploymentOf(definition, given.settings).plan),
      check: async () => {
        await cdk(['synth', '--quiet', '--output', assembly, ...context], env)
        await prepare([...deploy, '--method', 'prepare-change-set'], env)
      },
      ask: (request) => withJob(target, (open) => ask(open, request)),
      // Approved it is already: the same assembly.
      deploy: () => cdk([...deploy, '--require-approval', 'never'], env),
      say,
    },
    allowNonRestoredState,
  )
})

/** Uploads what is to be deployed, has CloudFormation look at it, and asks for approval of what needs it. */
async function prepare(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await cdk([...args, ...(approval === undefined ? [] : ['--require-approval', approval])], env)
  } catch (cause) {
    if (process.stdout.isTTY || approval === 'never') throw cause
    const otherwise = 'Where there is no terminal, nobody is asked: approve by --require-approval never'
    throw new UserError([messageOf(cause), otherwise], { cause })
  }
}

async function onEmulator(stack: string): Promise<Target> {
  const env = emulatorEnvironment(process.env)
  await expectEndpoint(String(env['AWS_ENDPOINT_URL']))
  const outputs = relative(projectRoot, outputsFile(job))
  const advice = `Deploy it first: ${shellCommand(['npm', 'run', 'local:deploy', '--', job])}`
  return { env, context: emulatorContext(job), outputs, name: stack, flags: { outputs }, advice }
}

function onAws(stack: string): Target {
  const { env } = process
  const isByEnvironment = [env['MILLRACE_TABLE'], env['MILLRACE_COORDINATOR_QUEUE_URL']].every(
    (value) => value !== undefined && value !== '',
  )
  const name = isByEnvironment ? undefined : stack
  const advice =
    `Deploy it first: ${shellCommand(['npx', 'cdk', 'deploy', '-c', `job=${job}`])}. If it is deployed, under the name of another ` +
    'stack: say that with -c stack=<name>; from elsewhere: set MILLRACE_TABLE and MILLRACE_COORDINATOR_QUEUE_URL in the ' +
    'environment to the outputs TableName and CoordinatorQueueUrl of its stack'
  return { env, context: [], outputs: OUTPUTS_FILE, name, flags: {}, advice }
}

function commandOn({ name, flags }: Target, command: string, more: readonly string[]): string {
  const named = name === undefined ? [] : [name]
  const outputs = flags.outputs === undefined ? [] : ['--outputs', flags.outputs]
  return shellCommand(['npx', 'millrace', 'job', command, ...named, ...outputs, ...more])
}

/** @throws UserError where they are not known here, with what to do about it by this command, which has options of its own. */
function resourcesOf({ env, name, flags, outputs, advice }: Target): JobResources {
  try {
    return jobResources(name, flags, { env, cwd: projectRoot })
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause
    const isThere = existsSync(join(projectRoot, outputs))
    const found = isThere ? cause.problems : [`Expected the outputs of a deployment, found no ${outputs}`]
    throw new UserError([...found, advice], { cause })
  }
}

/** Of the state at that location, for the new code. */
async function misfits(target: Target, location: string, plan: JobPlan): Promise<Misfits> {
  const clients = clientsFor(resourcesOf(target), target.env)
  const store = (bucket: string): BlobStore => checkpointStore(bucket, clients.s3)
  try {
    return await misfitsOf({ location, plan, allowNonRestoredState, store })
  } finally {
    clients.close()
  }
}

async function withJob<T>(target: Target, work: (job: OpenJob) => Promise<T>): Promise<T> {
  const open = awsJob(resourcesOf(target), target.env)
  try {
    return await work(open)
  } catch (cause) {
    throw cause instanceof AwsFault ? new UserError(explainAwsFault(cause), { cause }) : cause
  } finally {
    open.close()
  }
}

function ask(open: OpenJob, request: UserRequest): Promise<AskOutcome> {
  let last = ''
  const onProgress = (progress: Parameters<typeof progressLine>[1]): void => {
    const line = `  ${progressLine(request.type, progress)}`
    if (line !== last) say(line)
    last = line
  }
  return askJob(open, request, { waitMs, onProgress })
}
