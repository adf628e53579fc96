import { Duration, Stack } from 'aws-cdk-lib'
import {
  Alarm,
  ComparisonOperator,
  Metric,
  TreatMissingData,
  type IAlarmAction,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'

import { deadLetterFolder } from '../lib/connectors/dead-letter-objects.ts'
import { LOG_LIMITS } from '../lib/serverless/actor/limits.ts'
import { INGEST_LIMITS } from '../lib/serverless/ingest/ingest-behaviour.ts'
import type { JobQueues } from './job-queues.ts'
import { staleMessageSecOf, staleWakeUpSecOf } from './limits.ts'

export interface JobAlarmsProps {
  readonly jobName: string
  readonly queues: JobQueues
  /** Uids of those whose records come in by HTTP or from a queue. */
  readonly sources: readonly string[]
  /** Uids of operators whose dead letters are kept in the bucket, where nobody else hears of them. */
  readonly keptDeadLetters: readonly string[]
  /** Told when an alarm goes off, and when it is over. */
  readonly action: IAlarmAction | undefined
}

/** What functions publish, as lib/aws/emf-observer.ts writes it. */
const NAMESPACE = 'Millrace'

/** What an operator should look at: a job that stands still, loses messages, cannot checkpoint, or has failed. */
export class JobAlarms extends Construct {
  readonly alarms: readonly Alarm[]

  constructor(scope: Construct, id: string, props: JobAlarmsProps) {
    super(scope, id)
    const { jobName, queues, sources, keptDeadLetters, action } = props
    // As the functions are told (infra/environment.ts): a job may be in several stacks, whose alarms are no matter of each other.
    const ofJob = { Stack: Stack.of(this).stackName, Job: jobName }
    const countIn = (period: Duration, name: string, operator?: string): IMetric =>
      new Metric({
        namespace: NAMESPACE,
        metricName: name,
        dimensionsMap: { ...ofJob, ...(operator !== undefined && { Operator: operator }) },
        statistic: 'Sum',
        period,
      })
    this.alarms = [
      this.alarm(
        'JobFailed',
        `The job ${jobName} has FAILED: it will not go on by itself`,
        // Short: a job that runs again is seen to do so in a later period than that of its failure.
        countIn(Duration.minutes(1), 'jobStatusFailed'),
        // It is published as the job fails, and as it runs again. What comes between is silence, and no good news.
        { silence: TreatMissingData.IGNORE },
      ),
      this.alarm(
        'FailedCheckpoints',
        `A checkpoint of the job ${jobName} failed`,
        countIn(Duration.minutes(5), 'numberOfFailedCheckpoints'),
      ),
      this.alarm(
        'DeadLetters',
        `A message of the job ${jobName} could not be handled; it is kept in the job's bucket under dead-letters/`,
        countIn(Duration.minutes(5), 'numberOfDeadLetters'),
      ),
      ...keptDeadLetters.map((uid) =>
        this.alarm(
          `DeadLetters-${uid}`,
          `Records at ${uid} of the job ${jobName} could not be handled; they are kept in the job's bucket under ${deadLetterFolder(uid)}`,
          countIn(Duration.minutes(5), 'numDeadLetters', uid),
        ),
      ),
      ...[...queues.mailboxes, queues.wakeUps, queues.deadLetters].map((queue) => {
        const staleSecOf = queue === queues.wakeUps ? staleWakeUpSecOf : staleMessageSecOf
        const staleSec = staleSecOf(queues.visibilityTimeoutSecOf(queue))
        return this.alarm(
          `Stale${queue.node.id}`,
          `A message in the queue ${queue.node.id} of the job ${jobName} waits for longer than ${staleSec} s`,
          queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: Duration.minutes(5) }),
          { threshold: staleSec },
        )
      }),
      ...sources.map((source) =>
        this.alarm(
          `Unread-${source}`,
          `Records of the source ${source} of the job ${jobName} are not read for ${days(INGEST_LIMITS.alarmAgeMs)}: they are ` +
            `lost after ${days(LOG_LIMITS.retentionMs)}`,
          new Metric({
            namespace: NAMESPACE,
            metricName: 'oldestUnreadAge',
            dimensionsMap: { ...ofJob, Operator: source },
            statistic: 'Maximum',
            period: Duration.hours(1),
          }),
          // Where nobody sends, it is told once a week.
          { threshold: INGEST_LIMITS.alarmAgeMs, silence: TreatMissingData.IGNORE },
        ),
      ),
      this.alarm(
        'LostWakeUps',
        `A wake-up of the job ${jobName} could not be delivered; the tick of the next minute makes up for it`,
        queues.lostWakeUps.metricApproximateNumberOfMessagesVisible({
          statistic: 'Maximum',
          period: Duration.minutes(5),
        }),
      ),
    ]
    if (action === undefined) return
    for (const alarm of this.alarms) {
      alarm.addAlarmAction(action)
      alarm.addOkAction(action)
    }
  }

  /** Goes off at `threshold` or above. By default silence is good news: an idle job publishes nothing. */
  private alarm(
    id: string,
    description: string,
    metric: IMetric,
    { threshold = 1, silence = TreatMissingData.NOT_BREACHING } = {},
  ): Alarm {
    return new Alarm(this, id, {
      alarmDescription: description,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: silence,
    })
  }
}

const days = (ms: number): string => `${ms / 86_400_000} days`
