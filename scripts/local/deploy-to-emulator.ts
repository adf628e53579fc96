import { mkdir, readFile } from 'node:fs/promises'
import { join, parse } from 'node:path'

import { UserError } from '../../lib/model/faults.ts'
import { projectRoot } from './commands.ts'
import { ACCOUNT, REGION } from './endpoint.ts'

export interface EmulatorDeployment {
  /** The file of the job. */
  readonly job: string
  /** For `cdk deploy`. */
  readonly args?: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What a deployment made, as its stack tells. */
export interface JobOutputs {
  readonly stackName: string
  readonly tableName: string
  readonly bucketName: string
  readonly coordinatorQueueUrl: string
  /** Undefined where the job has no HTTP source. */
  readonly ingestUrl: string | undefined
}

type Cdk = (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<void>

/** What emulators want otherwise than AWS, and what makes them clean up after themselves. */
export function emulatorContext(job: string): readonly string[] {
  return [`job=${job}`, 'http-auth=none', 'bundle-aws-sdk=true', 'removal-policy=destroy'].flatMap((pair) => [
    '-c',
    pair,
  ])
}

/** Makes the emulator ready for the CDK, which is done once and does no harm twice; then deploys. */
export async function deployToEmulator(cdk: Cdk, { job, args = [], env }: EmulatorDeployment): Promise<void> {
  const context = emulatorContext(job)
  const outputs = outputsFile(job)
  await mkdir(parse(outputs).dir, { recursive: true })
  await cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`, ...context], env)
  await cdk(['deploy', '--require-approval', 'never', '--outputs-file', outputs, ...context, ...args], env)
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
    ingestUrl: find('IngestUrl'),
  }
}

const outputsFile = (job: string): string =>
  join(projectRoot, 'cdk.out', 'deployed', `${parse(job).name}.json`)
