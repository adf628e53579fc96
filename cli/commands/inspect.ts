import { Command } from 'commander'

import { colorsFor } from '../text/colors.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

interface InspectFlags {
  readonly json?: boolean
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('show what a checkpoint or savepoint holds')
    .description(
      'Shows what a checkpoint or savepoint holds: operators, their states, keys and sizes, the positions of ' +
        'sources. Reads all of it and checks every checksum; changes nothing.',
    )
    .argument('<checkpoint>', 'directory of a checkpoint or savepoint')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(inspect)
}

const EXAMPLES = [
  'millrace inspect .millrace/checkpoints/word-count/mf3k2a-9xq1/chk-12',
  "millrace inspect .millrace/savepoints/savepoint-12 --json | jq '.operators[].keys'",
]

async function inspect(path: string, { json = false }: InspectFlags): Promise<void> {
  const { describeCheckpoint } = await import('../inspect/describe-checkpoint.ts')
  const colors = colorsFor(process.stdout, process.env)
  process.stdout.write(await describeCheckpoint(path, { json, colors }))
}
