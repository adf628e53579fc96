import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { describe, expect, test } from 'vitest'

import { minimalJob } from './jobs.ts'
import { nameOf, resourcesOf, synthesise } from './synth.ts'

const alarmsOf = (synthesised: ReturnType<typeof synthesise>) =>
  [...resourcesOf(synthesised.template, 'AWS::CloudWatch::Alarm').values()].map(
    ({ Properties }) => Properties,
  )

describe('alarms', () => {
  const alarms = alarmsOf(synthesise({ job: minimalJob() }))
  const told = alarms.map(({ Namespace, MetricName, Dimensions, Threshold, Statistic }) => {
    const [{ Value }] = Dimensions as [{ Value: unknown }]
    const source = typeof Value === 'string' ? Value : nameOf(Value).replace(/^Queues|\.QueueName$/g, '')
    return `${String(Namespace)} ${String(MetricName)} of ${source}: ${String(Statistic)} >= ${String(Threshold)}`
  })

  test('go off for a failed job, failed checkpoints, dead letters, and messages that wait', () => {
    expect(told.toSorted()).toEqual(
      [
        'Millrace jobStatusFailed of sums: Sum >= 1',
        'Millrace numberOfDeadLetters of sums: Sum >= 1',
        'Millrace numberOfFailedCheckpoints of sums: Sum >= 1',
        ...['Coordinator', 'DeadLetters', 'Ingest', 'Tasks', 'WakeUps'].map(
          (queue) => `AWS/SQS ApproximateAgeOfOldestMessage of ${queue}: Maximum >= 300`,
        ),
        'AWS/SQS ApproximateNumberOfMessagesVisible of LostWakeUps: Maximum >= 1',
      ].toSorted(),
    )
  })

  test('are silent where nothing is published, as of an idle job', () => {
    for (const alarm of alarms) expect(alarm['TreatMissingData']).toBe('notBreaching')
  })

  test('tell whom they are asked to tell, also when it is over', () => {
    const telling = alarmsOf(
      synthesise({ job: minimalJob() }, (stack) => ({
        alarmAction: new SnsAction(new Topic(stack, 'Pager')),
      })),
    )
    expect(telling).toHaveLength(alarms.length)
    for (const { AlarmActions, OKActions } of telling) {
      expect(AlarmActions).toHaveLength(1)
      expect(OKActions).toEqual(AlarmActions)
    }
  })
})
