import { Annotations, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import { EventSourceMapping, FunctionUrlAuthType, type FunctionUrl } from 'aws-cdk-lib/aws-lambda'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'

import { loadJob } from '../cli/job/load-job.ts'
import { deadLetterFolder } from '../lib/connectors/dead-letter-objects.ts'
import type { JobVertex } from '../lib/graph/plan.ts'
import type { FunctionName } from './bundling.ts'
import { JobAlarms } from './alarms.ts'
import { variablesOf } from './environment.ts'
import { JobFunction } from './job-function.ts'
import { resourceName } from './job-names.ts'
import { JobQueues } from './job-queues.ts'
import { JobStore } from './job-store.ts'
import { INFRA_LIMITS } from './limits.ts'
import { deployablePlan, targetsOf, type DeployablePlan } from './plan.ts'
import {
  listObjects,
  measure,
  patternOf,
  sendTo,
  switchRule,
  tagObjects,
  useKey,
  useObjects,
  useTable,
  writeTo,
  type KeyAction,
} from './permissions.ts'
import type { StreamJobProps } from './stream-job-props.ts'
import { concurrencyOf, type TaskFunction } from './task-functions.ts'

/** A job in a stack: its functions, their mailboxes, and where its state is. It starts by itself, within a minute. */
export class StreamJob extends Construct {
  readonly store: JobStore
  readonly queues: JobQueues
  /**
   * By what they do: `Operator` serves every chain that has none of its own, `Operator-<uid of its first operator>` one that
   * has; `Coordinator`, `WakeUp`, `DeadLetter`; with HTTP or SQS sources `Ingest`, `IngestHttp`, `IngestQueue`.
   */
  readonly functions: ReadonlyMap<string, JobFunction>
  /** Where records are posted to: its `url`, which ends in a slash, and the uid of the source. Undefined where the job has no HTTP source. */
  readonly ingestUrl: FunctionUrl | undefined
  readonly schedule: Rule
  readonly alarms: JobAlarms
  readonly #props: StreamJobProps
  readonly #plan: DeployablePlan
  readonly #ruleName: string
  readonly #functions = new Map<string, JobFunction>()

  /** As the constructor, with the job that the module at `entry` exports; TypeScript needs no build step. */
  static async load(scope: Construct, id: string, props: Omit<StreamJobProps, 'job'>): Promise<StreamJob> {
    return new StreamJob(scope, id, { ...props, job: await loadJob(props.entry) })
  }

  /** @throws UserError with all that is wrong with the job, its settings, or with running it on AWS. */
  constructor(scope: Construct, id: string, props: StreamJobProps) {
    super(scope, id)
    this.#props = props
    this.#plan = deployablePlan(this, props)
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    const jobName = this.#plan.config.name
    this.store = new JobStore(this, 'Store', {
      removalPolicy,
      encryptionKey: props.encryptionKey,
      pointInTimeRecovery: props.pointInTimeRecovery ?? true,
    })
    const { shared, own } = this.#plan.taskFunctions
    this.queues = new JobQueues(this, 'Queues', {
      jobName,
      taskTimeoutSec: shared.timeoutSec,
      chainTimeoutsSec: new Map([...own].map(([chain, { timeoutSec }]) => [chain, timeoutSec])),
      removalPolicy,
    })
    this.functions = this.#functions
    this.#ruleName = resourceName(this, jobName, 'tick')

    const wakeUp = this.#wakeUp()
    this.schedule = this.#minuteTick(wakeUp)
    this.#weeklyVisit(wakeUp)
    this.#operators()
    this.#coordinator()
    this.#deadLetters()
    this.ingestUrl = this.#ingest()
    this.alarms = new JobAlarms(this, 'Alarms', {
      jobName,
      queues: this.queues,
      sources: this.#plan.ingest.sources,
      keptDeadLetters: this.#plan.keptDeadLetters,
      action: props.alarmAction,
    })
    this.#readQueuesLast()
    this.#annotate()
    this.#outputs()
  }

  #operators(): void {
    const { tasks, coordinator, ingest, wakeUps, taskQueues } = this.queues
    const operator = (
      id: string,
      queue: IQueue,
      settings: TaskFunction,
      writing: readonly JobVertex[],
    ): void => {
      const statements = [
        // Logs of tasks and rows; what sources read is in logs of ingest partitions.
        useTable(this.store.table, ['DeleteItem', 'PutItem'], ['L#task:*', 'R#*', 'T#*']),
        useTable(
          this.store.table,
          ['BatchGetItem', 'GetItem', 'Query'],
          ['L#task:*', 'L#ingest:*', 'R#*', 'T#*'],
        ),
        // Savepoints go wherever their user says; what is complete of them and of checkpoints, no task removes.
        useObjects(this.store.bucket, [''], ['Get', 'Put']),
        useObjects(this.store.bucket, ['log/', 'heads/', 'rows/', 'dead-letters/'], ['Delete']),
        tagObjects(this.store.bucket, 'rows/'),
        listObjects(this.store.bucket),
        sendTo([...taskQueues, coordinator, ingest, wakeUps, this.queues.deadLetters]),
        measure([...taskQueues, ingest]),
        ...this.#key(['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey']),
        ...targetsOf(writing).flatMap((target) => writeTo(this, target)),
      ]
      this.#function(id, 'operator', statements, settings).consume(queue, settings.maxConcurrency)
    }
    const { shared, own } = this.#plan.taskFunctions
    // What the sinks of all chains write to: while a chain moves to a function of its own, the shared queue still has messages of
    // it, and whoever is not updated yet sends more there. A turn without the permission would fail the job. The way back needs
    // no such thing: nothing is sent to the queue of a chain but what is for that chain.
    operator('Operator', tasks, shared, this.#plan.plan.vertices)
    for (const [chain, queue] of this.queues.chains) {
      const settings = own.get(chain)!
      operator(`Operator-${chain}`, queue, settings, settings.vertices)
    }
  }

  #coordinator(): void {
    const { coordinator, ingest, wakeUps, taskQueues, deadLetters } = this.queues
    const fn = this.#function('Coordinator', 'coordinator', [
      useTable(this.store.table, ['BatchWriteItem', 'GetItem', 'PutItem', 'Query']),
      useObjects(this.store.bucket, [''], ['Get', 'Put', 'Delete']),
      listObjects(this.store.bucket),
      sendTo([...taskQueues, coordinator, ingest, wakeUps, deadLetters]),
      measure([...taskQueues, coordinator]),
      ...this.#key(['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey']),
      switchRule(this.schedule.ruleArn),
    ])
    // There is one coordinator, so one invocation at a time; two is the least that SQS takes for a bound.
    fn.consume(coordinator, 2)
  }

  #deadLetters(): void {
    const { coordinator, ingest, taskQueues } = this.queues
    const fn = this.#function('DeadLetter', 'dead-letter', [
      useObjects(this.store.bucket, ['dead-letters/'], ['Put']),
      // Reports to the coordinator, and nudges that were lost to whomever they were for.
      sendTo([...taskQueues, coordinator, ingest]),
      ...this.#key(['GenerateDataKey']),
    ])
    fn.consume(this.queues.deadLetters, 2)
  }

  #wakeUp(): JobFunction {
    const { coordinator, ingest, wakeUps, taskQueues, deadLetters } = this.queues
    const fn = this.#function('WakeUp', 'wake-up', [
      sendTo([...taskQueues, coordinator, ingest, wakeUps, deadLetters]),
    ])
    fn.consume(wakeUps, INFRA_LIMITS.passingConcurrency)
    return fn
  }

  /** The safety net: starts what was deployed and never started, and re-arms what was lost. Off while the job is idle. */
  #minuteTick(wakeUp: JobFunction): Rule {
    return new Rule(this, 'Schedule', {
      // Named here, so that the functions, one of which it calls, can be told the name.
      ruleName: this.#ruleName,
      description: `Ticks of the job ${this.#plan.config.name}; its coordinator switches them on and off`,
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(wakeUp.handler, { event: RuleTargetInput.fromObject({ millrace: 'tick' }) }),
      ],
    })
  }

  /**
   * Once a week, also while the job is idle, and after its end: what logs hold ends after weeks, and whoever is visited long
   * before folds it into a head, or takes a checkpoint. What late hands left of what is removed goes then as well.
   */
  #weeklyVisit(wakeUp: JobFunction): void {
    // oxlint-disable-next-line no-new -- a construct adds itself to its scope
    new Rule(this, 'WeeklyVisit', {
      description: `Keeps what the job ${this.#plan.config.name} has, however long it rests`,
      schedule: Schedule.rate(Duration.days(7)),
      targets: [
        new LambdaFunction(wakeUp.handler, { event: RuleTargetInput.fromObject({ millrace: 'visit' }) }),
      ],
    })
  }

  #ingest(): FunctionUrl | undefined {
    const { http, queues, partitions } = this.#plan.ingest
    if (!http && queues.size === 0) return undefined
    const { ingest, taskQueues, coordinator, wakeUps, deadLetters } = this.queues
    this.#function('Ingest', 'ingest', [
      // Logs and heads of ingest partitions, and no others.
      useTable(this.store.table, ['GetItem', 'PutItem', 'Query'], ['L#ingest:*']),
      // What of those is too large for an item.
      useObjects(this.store.bucket, ['log/', 'heads/'], ['Get', 'Put', 'Delete']),
      listObjects(this.store.bucket),
      sendTo([...taskQueues, coordinator, ingest, wakeUps, deadLetters]),
      ...this.#key(['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey']),
    ]).consume(ingest, concurrencyOf(partitions))
    if (queues.size > 0) {
      const fn = this.#function('IngestQueue', 'ingest-queue', [
        // Messages that are no records, and too long for their dead letters.
        useObjects(
          this.store.bucket,
          [...queues.keys()].map((uid) => `${patternOf(deadLetterFolder(uid))}raw-`),
          ['Put'],
        ),
        sendTo([ingest]),
        ...this.#key(['GenerateDataKey']),
      ])
      const concurrency = Math.max(concurrencyOf(partitions), INFRA_LIMITS.passingConcurrency)
      for (const queue of new Set(queues.values())) fn.consume(queue, concurrency)
    }
    if (!http) return undefined
    const { ingestReservedConcurrency: reservedConcurrency } = this.#props
    const fn = this.#function('IngestHttp', 'ingest-http', [sendTo([ingest]), measure([ingest])], {
      reservedConcurrency,
    })
    return fn.handler.addFunctionUrl({
      authType: this.#props.httpAuth === 'none' ? FunctionUrlAuthType.NONE : FunctionUrlAuthType.AWS_IAM,
    })
  }

  /**
   * Nothing is taken from a queue of the user's before all else is there: a first deployment that fails is rolled back with what
   * it made, and what it took would go as well.
   */
  #readQueuesLast(): void {
    const reader = this.#functions.get('IngestQueue')
    const others = this.node.children.filter((part) => part !== reader)
    for (const part of reader?.node.findAll() ?? []) {
      if (part instanceof EventSourceMapping) part.node.addDependency(...others)
    }
  }

  #key(actions: readonly KeyAction[]): readonly PolicyStatement[] {
    const { encryptionKey } = this.#props
    return encryptionKey === undefined ? [] : [useKey(encryptionKey, actions)]
  }

  #function(
    id: string,
    name: FunctionName,
    statements: readonly PolicyStatement[],
    settings: Partial<Pick<TaskFunction, 'memoryMb' | 'timeoutSec' | 'reservedConcurrency'>> = {},
  ): JobFunction {
    const props = this.#props
    const fn = new JobFunction(this, id, {
      name,
      jobName: this.#plan.config.name,
      jobEntry: props.entry,
      bundleAwsSdk: props.bundleAwsSdk ?? false,
      memoryMb: settings.memoryMb ?? props.memoryMb ?? INFRA_LIMITS.memoryMb,
      timeoutSec: settings.timeoutSec ?? INFRA_LIMITS.functionTimeoutSec,
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      reservedConcurrency: settings.reservedConcurrency,
      environment: this.#environment(),
      statements,
    })
    this.#functions.set(id, fn)
    return fn
  }

  #environment(): Readonly<Record<string, string>> {
    const { table, bucket } = this.store
    const { tasks, coordinator, ingest, wakeUps, deadLetters, chains } = this.queues
    return variablesOf(
      {
        job: this.#plan.config.name,
        stack: Stack.of(this).stackName,
        table: table.tableName,
        bucket: bucket.bucketName,
        scheduleRule: this.#ruleName,
        queueUrls: {
          tasks: tasks.queueUrl,
          coordinator: coordinator.queueUrl,
          ingest: ingest.queueUrl,
          wakeUps: wakeUps.queueUrl,
          deadLetters: deadLetters.queueUrl,
        },
        chainQueueUrls: new Map([...chains].map(([chain, { queueUrl }]) => [chain, queueUrl])),
        sourceQueueArns: new Map([...this.#plan.ingest.queues].map(([uid, { queueArn }]) => [uid, queueArn])),
        settings: this.#props.settings,
      },
      (value) => Stack.of(this).toJsonString(value),
    )
  }

  #annotate(): void {
    for (const warning of this.#plan.warnings) {
      Annotations.of(this).addWarningV2('millrace:changed-on-aws', warning)
    }
    if (this.ingestUrl === undefined) return
    Annotations.of(this).addInfo(
      this.#props.httpAuth === 'none'
        ? 'HTTP ingest is open: whoever knows its URL can post records (httpAuth: none)'
        : 'HTTP ingest takes requests that are signed by who may invoke its URL (SigV4); httpAuth: none opens it to all',
    )
  }

  #outputs(): void {
    const output = (id: string, value: string): CfnOutput => new CfnOutput(this, id, { value })
    output('TableName', this.store.table.tableName)
    output('BucketName', this.store.bucket.bucketName)
    output('CoordinatorQueueUrl', this.queues.coordinator.queueUrl)
    output('TaskQueueUrl', this.queues.tasks.queueUrl)
    output('IngestQueueUrl', this.queues.ingest.queueUrl)
    output('DeadLetterQueueUrl', this.queues.deadLetters.queueUrl)
    if (this.ingestUrl !== undefined) output('IngestUrl', this.ingestUrl.url)
  }
}
