import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

import { awsClients, type AwsClients, type Environment } from '../../lib/aws/clients.ts'
import { DynamoTable } from '../../lib/aws/dynamo-table.ts'
import { DynamoTurnLog } from '../../lib/aws/dynamo-turn-log.ts'
import { Retrying } from '../../lib/aws/retry.ts'
import type { AwsServices } from '../../lib/aws/services.ts'
import { SqsMailbox } from '../../lib/aws/sqs-mailbox.ts'
import { systemClock } from '../../lib/node/system-clock.ts'
import { UserError } from '../../lib/model/faults.ts'
import type { Mailbox } from '../../lib/ports/mailbox.ts'
import type { JobControl } from './ask-job.ts'
import type { JobResources } from './job-resources.ts'

export interface OpenJob extends JobControl {
  close(): void
}

/** A job on AWS, through the SDK. Nothing is asked of AWS here. */
export function awsJob(resources: JobResources, env: Environment): OpenJob {
  const clients = clientsFor(resources, env)
  return { ...awsControl(resources, clients), close: () => clients.close() }
}

/** Of where the job is, whatever the environment says. Nothing is asked of AWS here. */
export function clientsFor(resources: JobResources, env: Environment): AwsClients {
  return awsClients({ ...env, AWS_REGION: regionOf(resources, env) })
}

/** The same through any services. Its requests reject with an AwsFault, sends that are of no use included. */
export function awsControl({ table, coordinatorQueueUrl }: JobResources, services: AwsServices): JobControl {
  const random = { next: () => Math.random() }
  const queueOf = (): string => coordinatorQueueUrl
  const retrying = new Retrying({ clock: systemClock, random, remainingMs: () => Infinity })
  return {
    mailbox: loudMailbox(
      (warn) => new SqsMailbox(services.sqs, retrying, { queueOf, deadLetters: noDeadLetters, warn }),
    ),
    log: new DynamoTurnLog(new DynamoTable(services.dynamo, retrying, () => table)),
    now: () => Date.now(),
    pause: (ms) => pause(ms),
    newRequestId: () => randomUUID(),
  }
}

const noDeadLetters = (): never => {
  throw new UserError('Expected messages to the coordinator alone: its dead-letter queue is not known here')
}

/** The port says only that a message was not sent. Where that will not change, a person wants to know why. */
function loudMailbox(make: (warn: (message: string, cause?: unknown) => void) => Mailbox): Mailbox {
  const faults: Error[] = []
  const mailbox = make((message, cause) => {
    faults.push(cause instanceof Error ? cause : new UserError(message))
  })
  return {
    send: async (messages) => {
      faults.length = 0
      const fates = await mailbox.send(messages)
      const [fault] = faults
      if (fault !== undefined && fates.includes('failed')) throw fault
      return fates
    },
    refuse: (message, reason) => mailbox.refuse(message, reason),
    backlog: (actor) => mailbox.backlog(actor),
  }
}

/** The job is where its queue is. */
function regionOf({ coordinatorQueueUrl }: JobResources, env: Environment): string | undefined {
  const [, region] = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\//.exec(coordinatorQueueUrl) ?? []
  const isAws = (env.AWS_ENDPOINT_URL ?? '') === ''
  return (isAws ? region : undefined) ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION
}
