import { Command } from 'commander'

import { processWorld, type JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'
import { jobCancelCommand } from './job-cancel.ts'
import { jobCheckpointCommand } from './job-checkpoint.ts'
import { jobListCheckpointsCommand } from './job-list-checkpoints.ts'
import { jobSavepointCommand } from './job-savepoint.ts'
import { jobStartCommand } from './job-start.ts'
import { jobStatusCommand } from './job-status.ts'
import { jobStopCommand } from './job-stop.ts'
import { jobSuspendCommand } from './job-suspend.ts'

/** @param world Default: this process, and AWS. */
export function jobCommand(exit: (code: number) => void, world: JobWorld = processWorld()): Command {
  const job = new Command('job')
    .summary('operate a job that is deployed to AWS')
    .description(
      'Operates a job that is deployed to AWS. Which one: the only one that was deployed from here, one by its name, or by ' +
        '--table and --coordinator-queue.',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
  for (const make of COMMANDS) job.addCommand(make(exit, world))
  return job
}

const COMMANDS = [
  jobStatusCommand,
  jobStartCommand,
  jobStopCommand,
  jobCancelCommand,
  jobSuspendCommand,
  jobSavepointCommand,
  jobCheckpointCommand,
  jobListCheckpointsCommand,
]

const EXAMPLES = [
  'millrace job status                what it does, and what it can be started from',
  'millrace job stop                  stop it with a savepoint',
  'millrace job start --from latest   go on where it stopped',
]
