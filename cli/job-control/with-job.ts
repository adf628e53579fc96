import { AwsFault } from '../../lib/aws/aws-fault.ts'
import { UserError } from '../../lib/model/faults.ts'
import { EXIT } from '../exit-codes.ts'
import { colorsFor } from '../text/colors.ts'
import type { OpenJob } from './aws-job.ts'
import { explainAwsFault } from './explain-aws-fault.ts'
import { jobResources, type TargetFlags } from './job-resources.ts'
import type { JobWorld } from './job-world.ts'

/**
 * Does something with a job, and closes it. Resolves to the exit code: that of `work`, or the one for an AWS that does not
 * answer.
 * @throws UserError where AWS says what is to be mended.
 */
export async function withJob(
  world: JobWorld,
  name: string | undefined,
  flags: TargetFlags,
  work: (job: OpenJob) => Promise<number>,
): Promise<number> {
  const job = await world.open(jobResources(name, flags, world))
  try {
    return await work(job)
  } catch (cause) {
    if (!(cause instanceof AwsFault)) throw cause
    if (cause.problem !== 'retryable') throw new UserError(explainAwsFault(cause), { cause })
    const { red } = colorsFor(world.stderr, world.env)
    world.stderr.write(`${red('error:')} AWS does not answer, or not yet: ${cause.message}\n`)
    return EXIT.noAnswer
  } finally {
    job.close()
  }
}
