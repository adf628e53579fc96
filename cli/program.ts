import { Command } from 'commander'

import { inspectCommand } from './commands/inspect.ts'
import { jobCommand } from './commands/job.ts'
import { planCommand } from './commands/plan.ts'
import { runCommand } from './commands/run.ts'
import { VERSION } from './package.ts'
import { EXIT_CODE_LINES, helpText } from './text/help.ts'

/** The command line. Actions return their exit code through `exit`. */
export function createProgram(exit: (code: number) => void): Command {
  const program = new Command('millrace')
    .exitOverride()
    .description('Runs stateful stream-processing jobs written in TypeScript.')
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print help; also `millrace <command> --help`')
    .showHelpAfterError(
      '(`millrace --help` lists the commands, `millrace <command> --help` the options of one)',
    )
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
  for (const command of [runCommand(exit), planCommand(), inspectCommand(), jobCommand(exit)]) {
    program.addCommand(command)
    inherit(program, command)
  }
  return program
}

function inherit(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) inherit(command, child)
}

const EXAMPLES = [
  'millrace run job.ts                 run a job until its input ends, or Ctrl-C',
  'millrace run job.ts --from latest   go on where the last run stopped or died',
  'millrace plan job.ts                what would run: operators, chains, parallelism',
  'millrace job status                 what a job on AWS does; `millrace job --help` has more',
  'millrace inspect <checkpoint>       what was saved, and whether it is sound',
]
