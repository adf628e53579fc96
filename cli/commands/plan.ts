import { Command } from 'commander'

import type { JobPlan } from '../../lib/graph/plan.ts'
import { planToJson, planToMermaid } from '../../lib/graph/render.ts'
import { UserError } from '../../lib/model/faults.ts'
import { addJobOptions, checkJobFlags, type JobFlags } from '../job/job-options.ts'
import { loadJob } from '../job/load-job.ts'
import { watchBuild } from '../job/watch-build.ts'
import { planLines } from '../plan/plan-lines.ts'
import { colorsFor } from '../text/colors.ts'
import { EXIT_CODE_LINES, helpText } from '../text/help.ts'

interface PlanFlags extends JobFlags {
  readonly json?: boolean
  readonly mermaid?: boolean
}

export function planCommand(): Command {
  return addJobOptions(new Command('plan'))
    .summary('show what would run')
    .description(
      'Shows what would run: the operators of a job, how they are chained, their state and parallelism. ' +
        'Runs nothing, and finds every mistake in settings and graph.',
    )
    .option('--json', 'as JSON')
    .option('--mermaid', 'as a Mermaid flowchart')
    .addHelpText(
      'after',
      helpText([
        ['Examples', EXAMPLES],
        ['Exit codes', EXIT_CODE_LINES],
      ]),
    )
    .action(plan)
}

const EXAMPLES = [
  'millrace plan examples/word-count.ts',
  'millrace plan job.ts --parallelism 4 --json',
  'millrace plan job.ts --mermaid > plan.mmd',
]

async function plan(file: string, flags: PlanFlags): Promise<void> {
  if (flags.json === true && flags.mermaid === true) {
    throw new UserError('--json, --mermaid: expected one of them, got both')
  }
  const settings = checkJobFlags(file, flags)
  const { definition } = watchBuild(await loadJob(file))
  const { configOf, planOf } = await import('../../lib/embedded/run-job.ts')
  const config = await configOf(definition, settings)
  const jobPlan = planOf(definition, config)
  process.stdout.write(render(jobPlan, flags))
}

function render(jobPlan: JobPlan, { json, mermaid }: PlanFlags): string {
  if (mermaid === true) return planToMermaid(jobPlan)
  const data = planToJson(jobPlan)
  if (json === true) return `${JSON.stringify(data, null, 2)}\n`
  return planLines(data, colorsFor(process.stdout, process.env)).join('\n') + '\n'
}
