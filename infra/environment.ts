import { FUNCTION_LIMITS } from '../lib/model/function-limits.ts'
import { INFRA_LIMITS } from './limits.ts'

/** What every function of a job is told: what the job is, and where its things are. */
export interface JobEnvironment {
  readonly job: string
  readonly stack: string
  readonly table: string
  readonly bucket: string
  readonly scheduleRule: string
  readonly queueUrls: Readonly<Record<'tasks' | 'coordinator' | 'ingest' | 'wakeUps' | 'deadLetters', string>>
  /** By the id of a chain that has a queue of its own. */
  readonly chainQueueUrls: ReadonlyMap<string, string>
  /** By the uid of an SQS source. */
  readonly sourceQueueArns: ReadonlyMap<string, string>
  readonly settings: Readonly<Record<string, unknown>> | undefined
}

/** As variables, by the names that lib/aws/ports.ts and functions/ read. `toJson`: of what may hold tokens of the CDK. */
export function variablesOf(
  environment: JobEnvironment,
  toJson: (value: unknown) => string,
): Readonly<Record<string, string>> {
  const { queueUrls, chainQueueUrls, sourceQueueArns, settings } = environment
  return {
    MILLRACE_JOB: environment.job,
    MILLRACE_STACK: environment.stack,
    MILLRACE_TABLE: environment.table,
    MILLRACE_BUCKET: environment.bucket,
    MILLRACE_TASK_QUEUE_URL: queueUrls.tasks,
    MILLRACE_COORDINATOR_QUEUE_URL: queueUrls.coordinator,
    MILLRACE_INGEST_QUEUE_URL: queueUrls.ingest,
    MILLRACE_WAKE_QUEUE_URL: queueUrls.wakeUps,
    MILLRACE_DEAD_LETTER_QUEUE_URL: queueUrls.deadLetters,
    MILLRACE_SCHEDULE_RULE: environment.scheduleRule,
    ...(chainQueueUrls.size > 0 && {
      MILLRACE_TASK_QUEUE_URLS: toJson(Object.fromEntries(chainQueueUrls)),
    }),
    ...(sourceQueueArns.size > 0 && { MILLRACE_SOURCE_QUEUES: toJson(Object.fromEntries(sourceQueueArns)) }),
    ...(settings !== undefined && { MILLRACE_SETTINGS: JSON.stringify(settings) }),
    NODE_OPTIONS: '--enable-source-maps',
  }
}

/** What there is as much of as a job asks for. */
export interface EnvironmentParts {
  readonly job: string
  /** Ids of chains that have a queue of their own. */
  readonly chains: readonly string[]
  /** Uids of SQS sources. */
  readonly sources: readonly string[]
  readonly settings: Readonly<Record<string, unknown>> | undefined
}

/** Whether the variables fit, whatever AWS calls what is not there yet. */
export function environmentProblems({ job, chains, sources, settings }: EnvironmentParts): readonly string[] {
  const variables = variablesOf(
    {
      job,
      stack: LONGEST.stack,
      table: LONGEST.table,
      bucket: LONGEST.bucket,
      scheduleRule: LONGEST.rule,
      queueUrls: {
        tasks: LONGEST.queueUrl,
        coordinator: LONGEST.queueUrl,
        ingest: LONGEST.queueUrl,
        wakeUps: LONGEST.queueUrl,
        deadLetters: LONGEST.queueUrl,
      },
      chainQueueUrls: new Map(chains.map((chain) => [chain, LONGEST.queueUrl])),
      sourceQueueArns: new Map(sources.map((uid) => [uid, LONGEST.queueArn])),
      settings,
    },
    JSON.stringify,
  )
  const bytes = bytesOf(variables)
  if (bytes <= FUNCTION_LIMITS.environmentBytesMax) return []
  const { MILLRACE_TASK_QUEUE_URLS, MILLRACE_SOURCE_QUEUES, MILLRACE_SETTINGS, ...others } = variables
  const parts = [
    [`the queues of ${chains.length} chains with functions of their own`, { MILLRACE_TASK_QUEUE_URLS }],
    [`the queues of ${sources.length} SQS sources`, { MILLRACE_SOURCE_QUEUES }],
    ['the settings of the deployment', { MILLRACE_SETTINGS }],
    ['the name of the job, and what every job has', others],
  ] as const
  const room = parts
    .map(([what, own]) => [what, bytesOf(own)] as const)
    .filter(([, own]) => own > bytesOf({}))
    .toSorted(([, one], [, other]) => other - one)
    .map(([what, own]) => `${what} (${own})`)
  return [
    `environment: expected at most ${FUNCTION_LIMITS.environmentBytesMax} bytes of variables for a function, got up to ` +
      `${bytes}: ${room.join(', ')}`,
  ]
}

/** As JSON, which is how Lambda reports what it refuses, and the most that it can count. */
function bytesOf(variables: Readonly<Record<string, string | undefined>>): number {
  return Buffer.byteLength(JSON.stringify(variables))
}

/** Stand for names that are known when a stack is deployed. */
const LONGEST = {
  stack: 's'.repeat(INFRA_LIMITS.stackNameBytes),
  table: 't'.repeat(INFRA_LIMITS.tableNameBytes),
  bucket: 'b'.repeat(INFRA_LIMITS.bucketNameBytes),
  rule: 'r'.repeat(INFRA_LIMITS.ruleNameBytes),
  queueUrl: 'q'.repeat(INFRA_LIMITS.queueUrlBytes),
  queueArn: 'q'.repeat(INFRA_LIMITS.queueArnBytes),
}
