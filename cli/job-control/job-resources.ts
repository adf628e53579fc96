import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { messageOf, UserError } from '../../lib/model/faults.ts'

/** What of a deployed job the command line talks to: the table that its status is in, the queue of its coordinator. */
export interface JobResources {
  readonly table: string
  readonly coordinatorQueueUrl: string
}

/** How a user says which job is meant, as it was typed. */
export interface TargetFlags {
  readonly outputs?: string
  readonly table?: string
  readonly coordinatorQueue?: string
}

interface StackJob extends JobResources {
  readonly stack: string
  /** The construct's name within the stack. */
  readonly construct: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** What `cdk deploy` is told to write (cdk.json). */
export const OUTPUTS_FILE = 'cdk-outputs.json'

/**
 * The job that is meant: by `--table` and `--coordinator-queue`; by its name in a file of outputs; by the environment, with
 * the variables that the job's own functions have; or the only one of `cdk-outputs.json`. The first that is given decides.
 * @throws UserError saying what is missing.
 */
export function jobResources(
  name: string | undefined,
  flags: TargetFlags,
  { env, cwd }: { readonly env: Environment; readonly cwd: string },
): JobResources {
  const table = flags.table ?? given(env.MILLRACE_TABLE)
  const coordinatorQueueUrl = flags.coordinatorQueue ?? given(env.MILLRACE_COORDINATOR_QUEUE_URL)
  const isByFlag = flags.table !== undefined || flags.coordinatorQueue !== undefined
  const isByFile = name !== undefined || flags.outputs !== undefined
  if (isByFlag && isByFile)
    throw new UserError(
      '--table, --coordinator-queue: expected them alone, got a job or --outputs as well, which name another',
    )
  if (isByFile) return fromOutputs(name, flags.outputs ?? OUTPUTS_FILE, cwd)
  if (table !== undefined && coordinatorQueueUrl !== undefined) return { table, coordinatorQueueUrl }
  if (isByFlag) {
    const [missing, variable] =
      table === undefined
        ? ['--table', 'MILLRACE_TABLE']
        : ['--coordinator-queue', 'MILLRACE_COORDINATOR_QUEUE_URL']
    throw new UserError(`${missing}: expected it as well, or ${variable} in the environment`)
  }
  return fromOutputs(undefined, OUTPUTS_FILE, cwd)
}

function fromOutputs(name: string | undefined, file: string, cwd: string): JobResources {
  const jobs = jobsIn(readOutputs(resolve(cwd, file), file))
  const found = name === undefined ? jobs : jobs.filter((job) => namesOf(job).includes(name))
  const [one, ...others] = found
  if (one !== undefined && others.length === 0) return one
  const known = jobs.map(({ stack, construct }) => `${stack}/${construct}`).join(', ')
  if (jobs.length === 0)
    throw new UserError(`${file}: expected the outputs of a stack with a job, found none`)
  if (one === undefined) throw new UserError(`${file}: expected a job ${name}, found ${known}`)
  throw new UserError(
    name === undefined
      ? `${file}: expected one job, or the name of the one that is meant; found ${known}`
      : `${file}: expected one job of the name ${name}, found ${found.map(({ stack, construct }) => `${stack}/${construct}`).join(', ')}`,
  )
}

/** A stack is named `Millrace-` and the job's name unless somebody said otherwise. */
function namesOf({ stack, construct }: StackJob): readonly string[] {
  return [stack, stack.replace(/^Millrace-/, ''), construct, `${stack}/${construct}`]
}

/** The names of outputs are those of infra/stream-job.ts, with the construct before them and a hash after. */
function jobsIn(stacks: Readonly<Record<string, Readonly<Record<string, string>>>>): StackJob[] {
  return Object.entries(stacks).flatMap(([stack, outputs]) =>
    Object.entries(outputs).flatMap(([id, table]) => {
      const [, construct] = /^(.*)TableName(?:[0-9A-F]{8})?$/.exec(id) ?? []
      if (construct === undefined) return []
      const coordinatorQueueUrl = Object.entries(outputs).find(([other]) =>
        other.startsWith(`${construct}CoordinatorQueueUrl`),
      )?.[1]
      return coordinatorQueueUrl === undefined ? [] : { stack, construct, table, coordinatorQueueUrl }
    }),
  )
}

function readOutputs(path: string, file: string): Record<string, Record<string, string>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new UserError(`${file}: expected the file that \`cdk deploy\` wrote: ${messageOf(cause)}`, {
        cause,
      })
    const writes = `\`cdk deploy --outputs-file ${file}\` writes it`
    throw new UserError(
      file === OUTPUTS_FILE
        ? `Expected to be told which job: found no ${file} here; ${writes}. Name another file with --outputs; or give --table ` +
            'and --coordinator-queue, or MILLRACE_TABLE and MILLRACE_COORDINATOR_QUEUE_URL in the environment: the outputs ' +
            'TableName and CoordinatorQueueUrl of the stack'
        : `--outputs: expected the outputs of a deployment, found no file ${file}; ${writes}`,
      { cause },
    )
  }
  let outputs: unknown
  try {
    outputs = JSON.parse(text)
  } catch (cause) {
    throw new UserError(
      `${file}: expected JSON, as \`cdk deploy --outputs-file\` writes it: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
  if (!isObject(outputs) || !Object.values(outputs as object).every(isObject))
    throw new UserError(`${file}: expected the outputs of stacks, by stack and name`)
  return outputs as Record<string, Record<string, string>>
}

const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value)

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
