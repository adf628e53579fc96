import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, parse } from 'node:path'

import { UserError } from '../../lib/model/faults.ts'
import { projectRoot } from './commands.ts'
import { ACCOUNT, REGION } from './endpoint.ts'

export interface EmulatorDeployment {
  /** The file of the job. */
  readonly job: string
  /** For `cdk synth`: `-c name=value`. */
  readonly args?: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What a deployment made, as its stack tells. */
export interface JobOutputs {
  readonly stackName: string
  readonly tableName: string
  readonly bucketName: string
  readonly coordinatorQueueUrl: string
  readonly ingestQueueUrl: string
  readonly deadLetterQueueUrl: string
  /** Undefined where the job has no HTTP source. */
  readonly ingestUrl: string | undefined
}

export type Cdk = (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<void>

/** What emulators want otherwise than AWS, and what makes them clean up after themselves. */
export function emulatorContext(job: string): readonly string[] {
  return [`job=${job}`, 'http-auth=none', 'bundle-aws-sdk=true', 'removal-policy=destroy'].flatMap((pair) => [
    '-c',
    pair,
  ])
}

/**
 * Synthesises the job's stack once, makes the emulator ready for the CDK, which does no harm twice, and deploys. `args` are
 * of `cdk synth`: context.
 */
export async function deployToEmulator(cdk: Cdk, { job, args = [], env }: EmulatorDeployment): Promise<void> {
  const assembly = assemblyOf(job)
  await mkdir(deployedDirectory, { recursive: true })
  await cdk(['synth', '--quiet', '--output', assembly, ...emulatorContext(job), ...args], env)
  await cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', assembly], env)
  const outputs = ['--outputs-file', outputsFile(job)]
  await cdk(['deploy', '--app', assembly, '--require-approval', 'never', ...outputs], env)
}

/** Removes the stack of a job that was deployed from here. What its bucket holds is to be removed before. */
export async function destroyOnEmulator(cdk: Cdk, job: string, env: NodeJS.ProcessEnv): Promise<void> {
  await cdk(['destroy', '--app', assemblyOf(job), '--force', '--all'], env)
  await rm(outputsFile(job))
}

/** @throws UserError if the job was not deployed from here. */
export async function outputsOf(job: string): Promise<JobOutputs> {
  const file = outputsFile(job)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new UserError(`${job}: expected a job that was deployed from here, found no ${file}`, { cause })
  }
  const [entry] = Object.entries(JSON.parse(text) as Record<string, Record<string, string>>)
  if (entry === undefined) throw new UserError(`${file}: expected the outputs of a stack, found none`)
  const [stackName, outputs] = entry
  // Names of outputs are those of infra/stream-job.ts, with the path of the construct around them.
  const find = (name: string): string | undefined =>
    Object.entries(outputs).find(([key]) => key.includes(name))?.[1]
  const need = (name: string): string => {
    const found = find(name)
    if (found === undefined)
      throw new UserError(`${file}: expected an output ${name}, found ${Object.keys(outputs).join(', ')}`)
    return found
  }
  return {
    stackName,
    tableName: need('TableName'),
    bucketName: need('BucketName'),
    coordinatorQueueUrl: need('CoordinatorQueueUrl'),
    ingestQueueUrl: need('IngestQueueUrl'),
    deadLetterQueueUrl: need('DeadLetterQueueUrl'),
    ingestUrl: find('IngestUrl'),
  }
}

const deployedDirectory = join(projectRoot, 'cdk.out', 'deployed')
const assemblyOf = (job: string): string => join(deployedDirectory, parse(job).name)
/** Where the outputs of a job are that was deployed to an emulator. */
export const outputsFile = (job: string): string => `${assemblyOf(job)}.json`
