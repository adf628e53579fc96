import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'

import { bundlingOf, functionEntry, type FunctionName } from './bundling.ts'
import { INFRA_LIMITS } from './limits.ts'
import { excuse } from './nag.ts'

export interface JobFunctionProps {
  readonly name: FunctionName
  readonly jobName: string
  readonly jobEntry: string
  readonly bundleAwsSdk: boolean
  readonly memoryMb: number
  readonly timeoutSec: number
  readonly logRetention: RetentionDays
  readonly reservedConcurrency: number | undefined
  readonly environment: Readonly<Record<string, string>>
  /** What it may do, besides writing its log and taking messages of its queues. */
  readonly statements: readonly PolicyStatement[]
}

/** The ARN of a bucket, which has no slash, and whatever is in it. */
const WHOLE_BUCKET = /^[^/]*\/\*$/

// Why permissions name objects by patterns.
const UNDER_PREFIXES =
  'Objects of one bucket, under the prefixes that this function uses: their names are not known before they are written.'
const ANY_OBJECT =
  "Any object of the bucket that is the job's own and holds nothing else: this function writes and reads what the job " +
  'keeps there, under names that are not known before, and removes some of it. In other buckets: what a sink writes, below its prefix.'

/** One function of a job, with a log of its own, and a role that may do what is listed and nothing else. */
export class JobFunction extends Construct {
  readonly role: Role
  readonly handler: NodejsFunction

  constructor(scope: Construct, id: string, props: JobFunctionProps) {
    super(scope, id)
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Function ${props.name} of the job ${props.jobName}`.slice(0, 1000),
    })
    // The role that Lambda suggests may write every log of the account; this one writes its own.
    this.allow(
      new PolicyStatement({
        sid: 'Log',
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    )
    for (const statement of props.statements) this.allow(statement)
    this.#excuseObjectNames(props.statements)
    this.handler = new NodejsFunction(this, 'Function', {
      entry: functionEntry(props.name),
      handler: 'handler',
      description: `Millrace job ${props.jobName}: ${props.name}`.slice(0, 256),
      // The newest of long-term support that Lambda has, until April 2028.
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSec),
      role: this.role,
      logGroup,
      bundling: bundlingOf(props.jobEntry, props.bundleAwsSdk),
      environment: props.environment,
      awsSdkConnectionReuse: false,
      ...(props.reservedConcurrency !== undefined && {
        reservedConcurrentExecutions: props.reservedConcurrency,
      }),
    })
  }

  allow(statement: PolicyStatement): void {
    this.role.addToPolicy(statement)
  }

  #excuseObjectNames(statements: readonly PolicyStatement[]): void {
    const patterns = statements.flatMap(({ resources }) => resources.filter((name) => name.endsWith('*')))
    if (patterns.length === 0) return
    const reason = patterns.some((name) => WHOLE_BUCKET.test(name)) ? ANY_OBJECT : UNDER_PREFIXES
    excuse(this.role.node.findChild('DefaultPolicy'), 'AwsSolutions-IAM5', reason)
  }

  /**
   * Hands it the messages of `queue`, up to ten at once; a failed one comes again with those after it of its group.
   * `concurrencyMax`: invocations at once.
   */
  consume(queue: IQueue, concurrencyMax: number): void {
    this.handler.addEventSource(
      new SqsEventSource(queue, {
        batchSize: INFRA_LIMITS.batchSize,
        reportBatchItemFailures: true,
        maxConcurrency: concurrencyMax,
      }),
    )
  }
}
