import { Command } from 'commander'

import { askCommand } from '../job-control/ask-command.ts'
import { addAskOptions, type AskFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

export function jobCheckpointCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addAskOptions(new Command('checkpoint'))
    .summary('take a checkpoint now')
    .description(
      'Takes a checkpoint now, beside the periodic ones, and prints where it is. It goes as they do: when newer ones have ' +
        'replaced it.',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: AskFlags) =>
      exit(await askCommand(world, name, flags, { type: 'trigger-checkpoint' })),
    )
}

const EXAMPLES = ['millrace job checkpoint']
