import { Command } from 'commander'

import { askCommand } from '../job-control/ask-command.ts'
import { addAskOptions, type AskFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

interface StopFlags extends AskFlags {
  readonly savepointPath?: string
  readonly drain?: boolean
}

export function jobStopCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addAskOptions(new Command('stop'))
    .summary('stop the job with a savepoint')
    .description(
      'Stops the job with a savepoint, and waits until it is FINISHED: every record that was taken is part of the savepoint ' +
        'and of the output. Prints where the savepoint is.',
    )
    .option(
      '--savepoint-path <location>',
      "where the savepoint goes, within the job's bucket; default: savepoints/",
    )
    .option(
      '--drain',
      'end event time before the savepoint, so that windows and timers fire: for a job that ends for good',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: StopFlags) =>
      exit(
        await askCommand(world, name, flags, {
          type: 'stop',
          target: flags.savepointPath,
          drain: flags.drain === true,
        }),
      ),
    )
}

const EXAMPLES = [
  'millrace job stop',
  'millrace job stop --drain',
  'millrace job stop --json | jq -r .location',
]
