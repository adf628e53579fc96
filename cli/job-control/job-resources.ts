import { UserError } from '../../lib/model/faults.ts'
import { readOutputs, type StackOutputs } from './outputs-files.ts'

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

/**
 * The job that is meant: by `--table` and `--coordinator-queue`; by its name in a file of outputs; by the environment, with
 * the variables that the job's own functions have; or the only one that was deployed from `cwd`. The first that is given
 * decides.
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
  if (isByFile) return fromOutputs(name, flags.outputs, cwd)
  if (table !== undefined && coordinatorQueueUrl !== undefined) return { table, coordinatorQueueUrl }
  if (isByFlag) {
    const [missing, variable] =
      table === undefined
        ? ['--table', 'MILLRACE_TABLE']
        : ['--coordinator-queue', 'MILLRACE_COORDINATOR_QUEUE_URL']
    throw new UserError(`${missing}: expected it as well, or ${variable} in the environment`)
  }
  return fromOutputs(undefined, undefined, cwd)
}

function fromOutputs(name: string | undefined, file: string | undefined, cwd: string): JobResources {
  const { from, stacks } = readOutputs(file, cwd)
  const jobs = jobsIn(stacks)
  const found = name === undefined ? jobs : jobs.filter((job) => namesOf(job).includes(name))
  const [one, ...others] = found
  if (one !== undefined && others.length === 0) return one
  const known = jobs.map(({ stack, construct }) => `${stack}/${construct}`).join(', ')
  if (jobs.length === 0)
    throw new UserError(`${from}: expected the outputs of a stack with a job, found none`)
  if (one === undefined) throw new UserError(`${from}: expected a job ${name}, found ${known}`)
  throw new UserError(
    name === undefined
      ? `${from}: expected one job, or the name of the one that is meant; found ${known}`
      : `${from}: expected one job of the name ${name}, found ${found.map(({ stack, construct }) => `${stack}/${construct}`).join(', ')}`,
  )
}

/** A stack is named `Millrace-` and the job's name unless somebody said otherwise. */
function namesOf({ stack, construct }: StackJob): readonly string[] {
  return [stack, stack.replace(/^Millrace-/, ''), construct, `${stack}/${construct}`]
}

/** The names of outputs are those of infra/stream-job.ts, with the construct before them and a hash after. */
function jobsIn(stacks: StackOutputs): StackJob[] {
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

const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value)
