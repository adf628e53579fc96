import { Command } from 'commander'

import { askCommand } from '../job-control/ask-command.ts'
import { addAskOptions, type AskFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

interface StartFlags extends AskFlags {
  readonly from?: string
  readonly allowNonRestoredState?: boolean
}

export function jobStartCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addAskOptions(new Command('start'))
    .summary('start a run of the deployed code')
    .description(
      'Starts a run of the code that is deployed, and waits until it runs. Refused while a run goes on. A job starts by ' +
        'itself once, after its first deployment.',
    )
    .option('--from <location>', 'begin from a checkpoint or savepoint (its location), or `latest`')
    .option('--allow-non-restored-state', 'drop restored state that no operator of the job claims')
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: StartFlags) =>
      exit(
        await askCommand(world, name, flags, {
          type: 'start',
          from: flags.from,
          allowNonRestoredState: flags.allowNonRestoredState === true,
        }),
      ),
    )
}

const EXAMPLES = [
  'millrace job start',
  'millrace job start --from latest',
  'millrace job start word-count --from s3://my-bucket/savepoints/savepoint-1 --allow-non-restored-state',
]
