import { Command } from 'commander'

import { askCommand } from '../job-control/ask-command.ts'
import { addAskOptions, type AskFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

export function jobSuspendCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addAskOptions(new Command('suspend'))
    .summary('end the job with a last checkpoint')
    .description(
      'Takes a last checkpoint, ends the job, and waits until it is SUSPENDED. Quicker than a stop with a savepoint, and for ' +
        'a start at the same parallelism. A job that takes no periodic checkpoints has none to be started from: it is refused.',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: AskFlags) =>
      exit(await askCommand(world, name, flags, { type: 'suspend' })),
    )
}

const EXAMPLES = ['millrace job suspend', 'millrace job start --from latest']
