import { Command } from 'commander'

import type { RunOptions } from '../../lib/embedded/options.ts'
import { closeBeforeExit, exitProcess } from '../exit.ts'
import { addJobOptions, checkJobFlags, type JobFlags } from '../job/job-options.ts'
import { loadJob } from '../job/load-job.ts'
import { watchBuild } from '../job/watch-build.ts'
import { JsonReporter } from '../run/json-reporter.ts'
import { LiveReporter } from '../run/live-reporter.ts'
import { PlainReporter } from '../run/plain-reporter.ts'
import type { RunReporter } from '../run/reporter.ts'
import { resumeCommand } from '../run/resume-command.ts'
import { runSession } from '../run/run-session.ts'
import { StopSignals } from '../run/stop-signals.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

interface RunFlags extends JobFlags {
  readonly from?: string
  readonly allowNonRestoredState?: boolean
  readonly json?: boolean
}

export function runCommand(exit: (code: number) => void): Command {
  return addJobOptions(new Command('run'))
    .summary('run a job in this process')
    .description(
      'Runs a job in this process until its inputs end. Ctrl-C takes a last checkpoint and stops; ' +
        '`--from latest` goes on from there, also after a crash.',
    )
    .option('--from <where>', 'begin from a checkpoint or savepoint (its directory), or `latest`')
    .option('--allow-non-restored-state', 'drop restored state that no operator of the job claims')
    .option('--json', 'events as JSON lines on standard output; prints of the job go to standard error')
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(async (file: string, flags: RunFlags) => exit(await run(file, flags)))
}

const EXAMPLES = [
  'millrace run examples/word-count.ts',
  'millrace run job.ts --parallelism 4 --set execution.checkpointing.interval=10s',
  'millrace run job.ts --from latest',
  'millrace run job.ts --from .millrace/savepoints/savepoint-12 --allow-non-restored-state',
  'millrace run job.ts --json | jq -c \'select(.type == "metrics") | .operators[].numRecordsIn\'',
]

async function run(file: string, flags: RunFlags): Promise<number> {
  const reporter = reporterFor(flags)
  const signals = new StopSignals(() => reporter.hanging())
  const forget = closeBeforeExit(() => reporter.close())
  try {
    const options: RunOptions = {
      ...checkJobFlags(file, flags),
      from: flags.from,
      allowNonRestoredState: flags.allowNonRestoredState,
    }
    const { definition, sourceUids } = watchBuild(await loadJob(file))
    const { runJob } = await import('../../lib/embedded/run-job.ts')
    const { awsOutside } = await import('../../lib/aws/outside.ts')
    await signals.ready
    return await runSession({
      file,
      sourceUids,
      start: () => runJob(definition, { ...options, outside: awsOutside() }),
      reporter,
      onStopSignal: (onSignal) => signals.listen(onSignal),
      exitNow: exitProcess,
      resumeCommand: (hasCheckpoint) => resumeCommand(process.argv.slice(2), hasCheckpoint, process.env),
      now: () => Date.now(),
    })
  } catch (cause) {
    reporter.failed(cause)
    throw cause
  } finally {
    signals.close()
    reporter.close()
    forget()
  }
}

function reporterFor({ json }: RunFlags): RunReporter {
  if (json === true) return new JsonReporter()
  return process.stderr.isTTY && process.env['TERM'] !== 'dumb' ? new LiveReporter() : new PlainReporter()
}
