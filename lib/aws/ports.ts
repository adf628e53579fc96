import { actorKind, taskOfActor } from '../model/actors.ts'
import { UserError } from '../model/faults.ts'
import type { ActorId } from '../model/ids.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Mailbox } from '../ports/mailbox.ts'
import type { Random } from '../ports/random.ts'
import type { RowStore } from '../ports/row-store.ts'
import type { TurnLog } from '../ports/turn-log.ts'
import type { SafetySchedule, WakeUps } from '../ports/wake-ups.ts'
import { systemClock } from '../node/system-clock.ts'
import type { Environment } from './clients.ts'
import { DynamoRowStore } from './dynamo-row-store.ts'
import { DynamoTable } from './dynamo-table.ts'
import { DynamoTurnLog } from './dynamo-turn-log.ts'
import { EmfObserver } from './emf-observer.ts'
import { EventBridgeSchedule } from './event-bridge-schedule.ts'
import { Retrying } from './retry.ts'
import { S3BlobStore } from './s3-blob-store.ts'
import type { AwsServices } from './services.ts'
import { SqsMailbox } from './sqs-mailbox.ts'
import { SqsWakeUps } from './sqs-wake-ups.ts'

/** The world of one job on AWS: what a {@link JobRuntime} needs besides the job's program. */
export interface AwsPorts {
  readonly now: () => number
  readonly random: Random
  readonly mailbox: Mailbox
  readonly log: TurnLog
  readonly rows: RowStore
  readonly blobs: BlobStore
  readonly wakeUps: WakeUps
  readonly schedule: SafetySchedule
  /** Flush it at the end of every invocation. */
  readonly observe: EmfObserver
}

export interface AwsPortsOptions {
  /**
   * Names the job's resources: `MILLRACE_JOB`, `MILLRACE_STACK`, `MILLRACE_TABLE`, `MILLRACE_BUCKET`, `MILLRACE_TASK_QUEUE_URL`,
   * `MILLRACE_TASK_QUEUE_URLS` (JSON: of vertices with a queue of their own, by id), `MILLRACE_COORDINATOR_QUEUE_URL`,
   * `MILLRACE_INGEST_QUEUE_URL`, `MILLRACE_DEAD_LETTER_QUEUE_URL`, `MILLRACE_WAKE_QUEUE_URL`, `MILLRACE_SCHEDULE_RULE`. The
   * job's bucket may be shared: `MILLRACE_BUCKET_PREFIX` begins the names of its objects then. All but the first may be
   * missing, for who does not use what they name.
   */
  readonly env: Environment
  readonly services: AwsServices
  /** Milliseconds until the invocation under way ends: nothing is tried again after that. Default: Infinity. */
  readonly remainingMs?: () => number
  readonly clock?: Clock
  readonly random?: Random
  /** Takes lines for the log. Default: standard output. */
  readonly line?: (text: string) => void
}

/**
 * The ports of the job that the environment names. Nothing is asked of AWS here. A port whose variable is missing rejects
 * when it is used.
 * @throws UserError if the environment names no job.
 */
export function awsPorts(options: AwsPortsOptions): AwsPorts {
  const { env, services, remainingMs = () => Infinity, clock = systemClock } = options
  const random = options.random ?? { next: () => Math.random() }
  const line = options.line ?? ((text: string) => void process.stdout.write(`${text}\n`))
  const now = (): number => clock.now()
  const retrying = new Retrying({ clock, random, remainingMs })
  const observe = new EmfObserver({
    job: required(env, 'MILLRACE_JOB'),
    stack: env.MILLRACE_STACK,
    line,
    now,
  })
  const table = new DynamoTable(services.dynamo, retrying, () => required(env, 'MILLRACE_TABLE'))
  const blobs = new S3BlobStore(services.s3, retrying, {
    bucket: () => required(env, 'MILLRACE_BUCKET'),
    prefix: prefixOf(env.MILLRACE_BUCKET_PREFIX),
  })
  return {
    now,
    random,
    mailbox: new SqsMailbox(services.sqs, retrying, {
      queueOf: queueOf(env),
      deadLetters: () => required(env, 'MILLRACE_DEAD_LETTER_QUEUE_URL'),
      warn: (message) => observe.event({ type: 'warning', message }),
    }),
    log: new DynamoTurnLog(table),
    rows: new DynamoRowStore(table, blobs, clock),
    blobs,
    wakeUps: new SqsWakeUps(services.sqs, retrying, {
      url: () => required(env, 'MILLRACE_WAKE_QUEUE_URL'),
      now,
    }),
    schedule: new EventBridgeSchedule(services.events, retrying, () =>
      required(env, 'MILLRACE_SCHEDULE_RULE'),
    ),
    observe,
  }
}

/** @throws UserError if the variable is not set. */
function required(env: Environment, name: string): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  throw new UserError(
    `Expected the environment variable ${name} to be set: this function's part of the job uses what it names`,
  )
}

function queueOf(env: Environment): (actor: ActorId) => string {
  const ofVertices = env.MILLRACE_TASK_QUEUE_URLS ?? ''
  const own = (ofVertices === '' ? {} : JSON.parse(ofVertices)) as Readonly<Record<string, string>>
  return (actor) => {
    switch (actorKind(actor)) {
      case 'coordinator':
        return required(env, 'MILLRACE_COORDINATOR_QUEUE_URL')
      case 'ingest':
        return required(env, 'MILLRACE_INGEST_QUEUE_URL')
      case 'task': {
        const task = taskOfActor(actor)
        return own[task.slice(0, task.lastIndexOf('#'))] ?? required(env, 'MILLRACE_TASK_QUEUE_URL')
      }
    }
  }
}

const prefixOf = (prefix: string | undefined): string =>
  prefix === undefined || prefix === '' || prefix.endsWith('/') ? (prefix ?? '') : `${prefix}/`
