import type { AskOutcome, UserRequest } from '../cli/job-control/ask-job.ts'
import { isTerminal } from '../lib/checkpoint/job-status.ts'
import { messageOf, UserError } from '../lib/model/faults.ts'
import type { JobStatusRecord } from '../lib/serverless/coordinator/job-status-record.ts'
import type { Misfits } from './state-misfits.ts'

/** What an update is made of. */
export interface UpdateSteps {
  /** Of the new code. */
  readonly jobName: string
  /** `millrace job <command>` on this job, to be pasted into a shell. */
  readonly command: (command: 'start' | 'status', more?: readonly string[]) => string
  /** What of the state at that location the new code does not take over. */
  readonly misfits: (location: string) => Promise<Misfits>
  /** Finds what is wrong with the deployment, and has it approved, while the old code runs. Rejects if it cannot be done. */
  readonly check: () => Promise<void>
  readonly status: () => Promise<JobStatusRecord>
  readonly ask: (request: UserRequest) => Promise<AskOutcome>
  readonly deploy: () => Promise<void>
  readonly say: (line: string) => void
}

/**
 * Stops a job with a savepoint, deploys its new code, and starts it from there. What can be known before is looked at before
 * the stop. A job that is over already is started from what is its latest: so an update that failed on the way is gone on with
 * by the same command.
 * @throws UserError at the first step that fails, saying where things stand and how to go on.
 */
export async function updateJob(steps: UpdateSteps, allowNonRestoredState: boolean): Promise<void> {
  const { deploy, command, say } = steps
  const record = await steps.status()
  const { jobName, status: before } = record
  const isOver = isTerminal(before)
  say(`1 of 4: look at the new code of ${jobName}`)
  await orElse(() => look(steps, record, isOver), `Nothing was changed: the job is ${before}`)

  say(isOver ? `2 of 4: the job is ${before}, and need not be stopped` : '2 of 4: stop it with a savepoint')
  const from = isOver ? record.latest?.location : await stop(steps)
  if (from === undefined) {
    throw new UserError(
      `The job is ${before}, and there is no latest checkpoint or savepoint to go on from. Nothing was changed. Deploy with ` +
        `\`cdk deploy\`, and start it with \`${command('start')}\`, from nothing or from a location that you name`,
    )
  }
  const startFrom = command('start', ['--from', from])
  say(`3 of 4: deploy; to be started from ${from}`)
  await orElse(
    deploy,
    `The job is stopped, and can be started from ${from}. Mend what the CDK says, and run the same command again: it goes on ` +
      `from there. If it is to run as it was meanwhile: \`${startFrom}\``,
  )
  say('4 of 4: start it')
  const started = await steps.ask({ type: 'start', from, allowNonRestoredState })
  const problem = problemOf(started)
  if (problem === undefined) return say(`${jobName} ${started.record?.status ?? ''}, begun from ${from}`)
  throw new UserError(
    started.type === 'refused'
      ? `The new code is deployed, and does not start from ${from}: ${problem}. The job is stopped. Mend that, or put the old ` +
          'code back, and run the same command again: it goes on from there'
      : `The new code is deployed, and is not known to run: ${problem}. See \`${command('status')}\`; start it with ` +
          `\`${startFrom}\`, or put the old code back and run the same command again`,
  )
}

/** @throws UserError where the job is another, or the new code could not go on from its state, or cannot be deployed. */
async function look(steps: UpdateSteps, record: JobStatusRecord, isOver: boolean): Promise<void> {
  if (record.jobName !== steps.jobName)
    throw new UserError(`Expected a deployed job '${steps.jobName}', found that '${record.jobName}' is there`)
  // The savepoint to come is going to be like the newest checkpoint.
  const { checkpoints, lastSavepoint, latest } = record
  const like = isOver ? latest : (checkpoints.at(-1) ?? lastSavepoint)
  const misfits = like === undefined ? undefined : await steps.misfits(like.location)
  if (misfits?.type === 'known' && misfits.problems.length > 0) throw new UserError(misfits.problems)
  if (misfits?.type !== 'known') {
    const why = misfits?.why ?? 'there is no checkpoint yet'
    steps.say(`  Whether it can take over the job's state will be seen when it starts: ${why}`)
  }
  await steps.check()
}

async function stop({ ask, command }: UpdateSteps): Promise<string | undefined> {
  const stopped = await ask({ type: 'stop', target: undefined, drain: false })
  const problem = problemOf(stopped)
  if (problem === undefined) return stopped.checkpoint?.location
  throw new UserError(
    `The job was not stopped with a savepoint: ${problem}. Nothing was deployed. See \`${command('status')}\`, and run the ` +
      'same command again: of a job that has ended meanwhile it goes on from the latest checkpoint',
  )
}

function problemOf(outcome: AskOutcome): string | undefined {
  switch (outcome.type) {
    case 'done':
      return undefined
    case 'no-answer':
      return outcome.isAnswered ? 'it is still going on' : 'there was no answer in time'
    case 'refused':
      return `refused: ${outcome.message}`
    case 'failed': {
      const cause = outcome.record?.cause?.message
      return cause === undefined ? outcome.message : `${outcome.message}: ${cause}`
    }
  }
}

async function orElse(step: () => Promise<void>, where: string): Promise<void> {
  try {
    await step()
  } catch (cause) {
    throw new UserError([messageOf(cause), where], { cause })
  }
}
