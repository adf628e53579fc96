import type { Command } from 'commander'

import { tryParseDurationMs } from '../../lib/model/durations.ts'
import { UserError } from '../../lib/model/faults.ts'
import type { TargetFlags } from './job-resources.ts'
import { OUTPUTS_FILE } from './outputs-files.ts'

export interface JobFlags extends TargetFlags {
  readonly json?: boolean
}

export interface AskFlags extends JobFlags {
  readonly wait: string
}

/** Long enough for a savepoint of some size, and for a coordinator that has to be started. */
const WAIT_DEFAULT = '5 min'

/** What every command on a deployed job takes. */
export function addTargetOptions(command: Command): Command {
  return command
    .argument(
      '[job]',
      'the job, or its stack, by its name in the outputs of deployments; needed where there are several',
    )
    .option(
      '--outputs <file>',
      `what \`cdk deploy --outputs-file\` wrote (default: ${OUTPUTS_FILE}, and those kept in cdk-outputs/)`,
    )
    .option('--table <name>', "the job's table; default: MILLRACE_TABLE")
    .option(
      '--coordinator-queue <url>',
      "the queue of the job's coordinator; default: MILLRACE_COORDINATOR_QUEUE_URL",
    )
    .option('--json', 'as JSON')
}

/** What every command that asks something of the job takes. */
export function addAskOptions(command: Command): Command {
  return addTargetOptions(command).option(
    '--wait <duration>',
    'how long to wait for what was asked to have happened',
    WAIT_DEFAULT,
  )
}

/** @throws UserError */
export function waitMsOf({ wait }: AskFlags): number {
  // A number alone would be milliseconds, which nobody means here.
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(wait) ? undefined : tryParseDurationMs(wait)
  if (ms !== undefined && ms > 0) return ms
  throw new UserError(`--wait: expected a duration such as '30 s' or '5 min', got '${wait}'`)
}
