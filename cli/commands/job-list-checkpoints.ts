import { Command } from 'commander'

import { expectStatus } from '../job-control/ask-job.ts'
import { addTargetOptions, type JobFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { checkpointLines, checkpointsOf } from '../job-control/status-lines.ts'
import { withJob } from '../job-control/with-job.ts'
import { EXIT } from '../exit-codes.ts'
import { colorsFor } from '../text/colors.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

export function jobListCheckpointsCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addTargetOptions(new Command('list-checkpoints'))
    .summary('list what the job can be started from')
    .description(
      'Lists the checkpoints that are retained and the last savepoint of this run, oldest first, with where they are.',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (name: string | undefined, flags: JobFlags) => exit(await show(world, name, flags)))
}

const EXAMPLES = [
  'millrace job list-checkpoints',
  "millrace job list-checkpoints --json | jq -r '.[-1].location'",
]

function show(world: JobWorld, name: string | undefined, flags: JobFlags): Promise<number> {
  return withJob(world, name, flags, async ({ log }) => {
    const record = await expectStatus(log)
    const lines =
      flags.json === true
        ? [JSON.stringify(checkpointsOf(record), null, 2)]
        : checkpointLines(record, colorsFor(world.stdout, world.env))
    world.stdout.write(`${lines.join('\n')}\n`)
    return EXIT.finished
  })
}
