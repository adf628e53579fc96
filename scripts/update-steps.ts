import type { AskOutcome, UserRequest } from '../cli/job-control/ask-job.ts'
import { isTerminal } from '../lib/checkpoint/job-status.ts'
import { messageOf, UserError } from '../lib/model/faults.ts'
import type { JobStatusRecord } from '../lib/serverless/coordinator/job-status-record.ts'

/** What an update is made of. */
export interface UpdateSteps {
  /** Finds what is wrong with the new code, while the old one runs. Rejects if anything is. */
  readonly check: () => Promise<void>
  readonly status: () => Promise<JobStatusRecord>
  readonly ask: (request: UserRequest) => Promise<AskOutcome>
  readonly deploy: () => Promise<void>
  readonly say: (line: string) => void
}

/**
 * Stops a job with a savepoint, deploys its new code, and starts it from there. A job that is over already is started from
 * what is its latest: so an update that failed on the way is gone on with by the same command.
 * @throws UserError at the first step that fails, saying where things stand and how to go on.
 */
export async function updateJob(steps: UpdateSteps, allowNonRestoredState: boolean): Promise<void> {
  const { check, status, deploy, say } = steps
  const { jobName, status: before, latest } = await status()
  say(`1 of 4: look at the new code of ${jobName}`)
  await orElse(check, `Nothing was changed: the job is ${before}`)

  const isOver = isTerminal(before)
  say(isOver ? `2 of 4: the job is ${before}, and need not be stopped` : '2 of 4: stop it with a savepoint')
  const from = isOver ? latest?.location : await stop(steps)
  if (from === undefined) {
    throw new UserError(
      `The job is ${before}, and there is no latest checkpoint or savepoint to go on from. Nothing was changed. Deploy with ` +
        '`cdk deploy`, and start it with `millrace job start`, from nothing or from a location that you name',
    )
  }
  say(`3 of 4: deploy; to be started from ${from}`)
  await orElse(
    deploy,
    `The job is stopped, and can be started from ${from}. Mend what the CDK says, and run the same command again: it goes on ` +
      'from there',
  )
  say('4 of 4: start it')
  const started = await steps.ask({ type: 'start', from, allowNonRestoredState })
  const problem = problemOf(started)
  if (problem === undefined) return say(`${jobName} ${started.record?.status ?? ''}, begun from ${from}`)
  throw new UserError(
    `The new code is deployed, and is not known to run: ${problem}. See \`millrace job status\`; start it with ` +
      `\`millrace job start --from ${from}\`, or deploy the old code and start that from the same place`,
  )
}

async function stop({ ask }: UpdateSteps): Promise<string | undefined> {
  const stopped = await ask({ type: 'stop', target: undefined, drain: false })
  const problem = problemOf(stopped)
  if (problem === undefined) return stopped.checkpoint?.location
  throw new UserError(
    `The job was not stopped with a savepoint: ${problem}. Nothing was deployed. See \`millrace job status\`, and run the same ` +
      'command again: of a job that has ended meanwhile it goes on from the latest checkpoint',
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
