import type { RemovalPolicy } from 'aws-cdk-lib'
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'

import type { JobDefinition } from '../lib/stream/job.ts'
import type { ResourceOptions } from '../lib/stream/operator-options.ts'

/**
 * Settings of the function that tasks run in. Defaults: 1024 MB, 30 s, and one invocation at once for each task that it
 * serves, within what AWS allows and what is reserved.
 */
export interface TaskFunctionProps extends ResourceOptions {
  /** Invocations set aside for it, and its most: 2 or more. Default: none, it shares the account's. */
  readonly reservedConcurrency?: number
}

/** Its own settings of functions are those of the chains that share one; `memoryMb` is that of all functions of the job. */
export interface StreamJobProps extends TaskFunctionProps {
  /** The file that exports the job as its default: bundled into the functions. */
  readonly entry: string
  /** The same job, loaded: `import job from './job.ts'`. See `StreamJob.load`, which does without. */
  readonly job: JobDefinition
  /** Settings that override the job's, by their keys: `{ 'parallelism.default': 4 }`. As `--set` of the command line. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** By the uid of an SQS source: the queue it reads, of any name. Default: the queue that the job names. */
  readonly queues?: Readonly<Record<string, IQueue>>
  /**
   * By the id of a chain (the uid of its first operator): gives it a queue and a function of its own, as the option
   * `resources` of its operators does. What is set here counts over what those ask for. Default: what those ask for.
   */
  readonly chains?: Readonly<Record<string, TaskFunctionProps>>
  /**
   * Who may post records to HTTP sources. `iam`: who may invoke the function's URL and signs requests so (SigV4). `none`: who
   * knows the URL. Default `iam`.
   */
  readonly httpAuth?: 'iam' | 'none'
  /**
   * Invocations set aside for the function behind the URL of HTTP sources, and its most: 1 or more. What goes beyond is answered
   * with 429 by Lambda. Default: none, a flood of requests may take all that the account has.
   */
  readonly ingestReservedConcurrency?: number
  /** How long the functions' logs are kept. Default: a month. */
  readonly logRetention?: RetentionDays
  /**
   * What becomes of state (table, bucket, records that were accepted and not yet read) when the stack or this construct is
   * removed. `DESTROY` deletes it for good; a bucket must be empty for that. `RETAIN` keeps even what a first deployment that
   * failed has made, each time anew. Default `RETAIN_ON_UPDATE_OR_DELETE`: all is kept but that.
   */
  readonly removalPolicy?: RemovalPolicy
  /** Encrypts table and bucket. Default: keys that AWS manages, and that cost nothing. */
  readonly encryptionKey?: IKey
  /** Whether the table can be restored to any second of the last 35 days. Default true. */
  readonly pointInTimeRecovery?: boolean
  /** Told of alarms: a job that failed, checkpoints that fail, dead letters, messages that wait. Default: nobody. */
  readonly alarmAction?: IAlarmAction
  /**
   * Whether the functions carry the AWS SDK in place of using the one that Lambda's Node runtime has: some hundred kB
   * larger, and of a known version; some emulators have none. Default false.
   */
  readonly bundleAwsSdk?: boolean
}
