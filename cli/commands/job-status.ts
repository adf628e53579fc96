import { Command } from 'commander'

import { expectStatus } from '../job-control/ask-job.ts'
import { addTargetOptions, type JobFlags } from '../job-control/job-flags.ts'
import type { JobWorld } from '../job-control/job-world.ts'
import { statusJson, statusLines } from '../job-control/status-lines.ts'
import { withJob } from '../job-control/with-job.ts'
import { EXIT } from '../exit-codes.ts'
import { colorsFor } from '../text/colors.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

export function jobStatusCommand(exit: (code: number) => void, world: JobWorld): Command {
  return addTargetOptions(new Command('status'))
    .summary('show what a deployed job does')
    .description(
      'Shows what the job does, what failed last, and what it can be started from. Reads what its coordinator published: ' +
        'wakes nothing, changes nothing.',
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
  'millrace job status',
  'millrace job status word-count --outputs cdk-outputs.json',
  'millrace job status --table my-table --coordinator-queue https://sqs.eu-central-1.amazonaws.com/123456789012/my-queue.fifo',
  'millrace job status --json | jq -r .latest.location',
]

function show(world: JobWorld, name: string | undefined, flags: JobFlags): Promise<number> {
  return withJob(world, name, flags, async ({ log, now }) => {
    const record = await expectStatus(log)
    const lines =
      flags.json === true
        ? [JSON.stringify(statusJson(record), null, 2)]
        : statusLines(record, now(), colorsFor(world.stdout, world.env))
    world.stdout.write(`${lines.join('\n')}\n`)
    return EXIT.finished
  })
}
