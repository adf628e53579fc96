import { Command } from 'commander'

import { askCommand } from '../job-control/ask-command.ts'
import { addAskOptions, type AskFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

interface SavepointFlags extends AskFlags {
  readonly savepointPath?: string
}

export function jobSavepointCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addAskOptions(new Command('savepoint'))
    .summary('take a savepoint, and go on')
    .description(
      'Takes a savepoint while the job runs on, and prints where it is. A savepoint can be started from at another parallelism, ' +
        'and stays until you remove it.',
    )
    .option('--savepoint-path <location>', "where it goes, within the job's bucket; default: savepoints/")
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: SavepointFlags) =>
      exit(await askCommand(world, name, flags, { type: 'trigger-savepoint', target: flags.savepointPath })),
    )
}

const EXAMPLES = [
  'millrace job savepoint',
  'millrace job savepoint --savepoint-path s3://my-bucket/before-the-sale',
]
