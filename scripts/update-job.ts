/**
 * `npm run job:update -- examples/word-count-http.ts [-c name=value …] [--allow-non-restored-state] [--wait 10min]`: gives a
 * job that is deployed new code, or other settings: stops it with a savepoint, deploys, starts it from there. With
 * `AWS_ENDPOINT_URL` set, on the emulator at that address. `-c` is for infra/app.ts.
 */
import { join, parse } from 'node:path'
import { parseArgs } from 'node:util'

import { askJob, expectStatus, type AskOutcome, type UserRequest } from '../cli/job-control/ask-job.ts'
import { progressLine } from '../cli/job-control/ask-outcome.ts'
import { awsJob, type OpenJob } from '../cli/job-control/aws-job.ts'
import { waitMsOf } from '../cli/job-control/job-flags.ts'
import { jobResources, type JobResources } from '../cli/job-control/job-resources.ts'
import { OUTPUTS_FILE } from '../cli/job-control/outputs-files.ts'
import { loadJob } from '../cli/job/load-job.ts'
import { resourceSlug } from '../infra/job-names.ts'
import { UserError } from '../lib/model/faults.ts'
import { cdk, projectRoot, script } from './local/commands.ts'
import { deployToEmulator, outputsOf } from './local/deploy-to-emulator.ts'
import { emulatorEnvironment, expectEndpoint, isGivenEndpoint } from './local/endpoint.ts'
import { updateJob } from './update-steps.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Where jobs are deployed to, and how. */
interface Target {
  readonly env: NodeJS.ProcessEnv
  readonly resources: () => Promise<JobResources>
  readonly deploy: () => Promise<void>
}

await script(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      context: { type: 'string', short: 'c', multiple: true, default: [] },
      'allow-non-restored-state': { type: 'boolean', default: false },
      wait: { type: 'string', default: '10 min' },
    },
  })
  const [job, ...others] = positionals
  if (job === undefined || others.length > 0)
    throw new UserError('Expected the file of one job: npm run job:update -- examples/word-count-http.ts')
  const waitMs = waitMsOf(values)
  const context = values.context.flatMap((pair) => ['-c', pair])
  const target = isGivenEndpoint(process.env)
    ? await onEmulator(job, context)
    : await onAws(job, context, values.context)
  const assembly = join(projectRoot, 'cdk.out', 'update', parse(job).name)

  await updateJob(
    {
      check: () =>
        cdk(['synth', '--quiet', '--output', assembly, '-c', `job=${job}`, ...context], target.env),
      status: () => withJob(target, ({ log }) => expectStatus(log)),
      ask: (request) => withJob(target, (open) => ask(open, request, waitMs)),
      deploy: target.deploy,
      say,
    },
    values['allow-non-restored-state'],
  )
})

async function onEmulator(job: string, context: readonly string[]): Promise<Target> {
  const env = emulatorEnvironment(process.env)
  await expectEndpoint(String(env['AWS_ENDPOINT_URL']))
  return {
    env,
    resources: async () => {
      const { tableName: table, coordinatorQueueUrl } = await outputsOf(job)
      return { table, coordinatorQueueUrl }
    },
    deploy: () => deployToEmulator(cdk, { job, args: context, env }),
  }
}

async function onAws(job: string, context: readonly string[], pairs: readonly string[]): Promise<Target> {
  const { env } = process
  const given = pairs.find((pair) => pair.startsWith('stack='))?.slice('stack='.length)
  const stack = given ?? `Millrace-${resourceSlug((await loadJob(job)).options.name)}`
  const isByEnvironment = [env['MILLRACE_TABLE'], env['MILLRACE_COORDINATOR_QUEUE_URL']].every(
    (value) => value !== undefined && value !== '',
  )
  return {
    env,
    resources: () =>
      Promise.resolve(jobResources(isByEnvironment ? undefined : stack, {}, { env, cwd: projectRoot })),
    deploy: () => cdk(['deploy', '-c', `job=${job}`, ...context, '--outputs-file', OUTPUTS_FILE], env),
  }
}

async function withJob<T>({ env, resources }: Target, work: (job: OpenJob) => Promise<T>): Promise<T> {
  const job = awsJob(await resources(), env)
  try {
    return await work(job)
  } finally {
    job.close()
  }
}

function ask(job: OpenJob, request: UserRequest, waitMs: number): Promise<AskOutcome> {
  let last = ''
  const onProgress = (progress: Parameters<typeof progressLine>[1]): void => {
    const line = `  ${progressLine(request.type, progress)}`
    if (line !== last) say(line)
    last = line
  }
  return askJob(job, request, { waitMs, onProgress })
}
