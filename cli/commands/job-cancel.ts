import { Command } from 'commander'

import { askCommand } from '../job-control/ask-command.ts'
import { addAskOptions, type AskFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

export function jobCancelCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addAskOptions(new Command('cancel'))
    .summary('end the job at once')
    .description(
      'Ends the job without a last checkpoint, and waits until it is CANCELED. It can be started again from the newest ' +
        'checkpoint that is retained.',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: AskFlags) =>
      exit(await askCommand(world, name, flags, { type: 'cancel' })),
    )
}

const EXAMPLES = ['millrace job cancel']
