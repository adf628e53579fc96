import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { deadLetters, defineJob, http, print } from 'millrace'
import { describe, expect, test } from 'vitest'

import { WATCHED } from '../../bench/cost/bill/assumptions.ts'
import { StandardJob } from '../../bench/cost/platform/standard-job.ts'
import { jobWithEverything, minimalJob } from './jobs.ts'
import { nameOf, resourcesOf, synthesise } from './synth.ts'

const alarmsOf = (synthesised: ReturnType<typeof synthesise>) =>
  [...resourcesOf(synthesised.template, 'AWS::CloudWatch::Alarm').values()].map(
    ({ Properties }) => Properties,
  )

const told = (alarms: ReturnType<typeof alarmsOf>): readonly string[] =>
  alarms.map(({ Namespace, MetricName, Dimensions, Threshold, Statistic }) => {
    const of = (Dimensions as { Name: string; Value: unknown }[]).map(({ Name, Value }) =>
      typeof Value === 'string' ? `${Name} ${Value}` : nameOf(Value).replace(/^Queues|\.QueueName$/g, ''),
    )
    return `${String(Namespace)} ${String(MetricName)} of ${of.join(' ')}: ${String(Statistic)} >= ${String(Threshold)}`
  })

/** Whose source may refuse records; `taken`: a stream takes those. */
const refusing = (taken: boolean) =>
  defineJob({ name: 'refusing' }, (env) => {
    const readings = env.source('readings', http<string>())
    readings.sinkTo('out', print())
    if (taken) readings.getSideOutput(deadLetters).sinkTo('refused', print())
  })

/** Those of its records. */
const ofRecords = (taken: boolean) =>
  told(alarmsOf(synthesise({ job: refusing(taken) }))).filter((line) => line.includes('numDeadLetters'))

describe('alarms', () => {
  const alarms = alarmsOf(synthesise({ job: minimalJob() }))

  test('go off for a failed job, failed checkpoints, dead letters, and messages that wait', () => {
    expect(told(alarms).toSorted()).toEqual(
      [
        'Millrace jobStatusFailed of Job sums Stack Jobs: Sum >= 1',
        'Millrace numberOfDeadLetters of Job sums Stack Jobs: Sum >= 1',
        'Millrace numberOfFailedCheckpoints of Job sums Stack Jobs: Sum >= 1',
        ...['Coordinator', 'DeadLetters', 'Ingest', 'Tasks'].map(
          (queue) => `AWS/SQS ApproximateAgeOfOldestMessage of ${queue}: Maximum >= 300`,
        ),
        // A wake-up may be delayed for 900 s, and nothing is wrong.
        'AWS/SQS ApproximateAgeOfOldestMessage of WakeUps: Maximum >= 1200',
        'AWS/SQS ApproximateNumberOfMessagesVisible of LostWakeUps: Maximum >= 1',
      ].toSorted(),
    )
  })

  test.each([
    ['30 s', 300],
    // A message is hidden for 150 s here, and for 1,080 s below.
    ['125 s', 300],
    ['15 min', 2_160],
  ])('go off for a chain that waits at a queue of its own, whose function may take %s', (timeout, ageSec) => {
    const alone = synthesise({ job: minimalJob({}, { sum: { resources: { timeout } } }) })
    const ages = told(alarmsOf(alone)).filter((line) => line.includes('ApproximateAgeOfOldestMessage'))
    expect(ages).toContain(`AWS/SQS ApproximateAgeOfOldestMessage of Chainsum: Maximum >= ${ageSec}`)
    expect(ages).toContain('AWS/SQS ApproximateAgeOfOldestMessage of Tasks: Maximum >= 300')
  })

  test('go off for records that are not read for half the time that they are kept', () => {
    expect(told(alarmsOf(synthesise({ job: jobWithEverything() })))).toEqual(
      expect.arrayContaining(
        ['posted', 'queued'].map(
          (source) =>
            `Millrace oldestUnreadAge of Job everything Operator ${source} Stack Jobs: Maximum >= ${14 * 24 * 3_600_000}`,
        ),
      ),
    )
  })

  test('go off for records that could not be handled, where no stream takes them', () => {
    expect(ofRecords(false)).toEqual([
      'Millrace numDeadLetters of Job refusing Operator readings Stack Jobs: Sum >= 1',
    ])
    expect(ofRecords(true)).toEqual([])
  })

  test('are as many as the month of the benchmark’s job is billed for', () => {
    const { definition } = new StandardJob({ keyCount: 1, parallelism: 1 })
    expect(alarmsOf(synthesise({ job: definition }))).toHaveLength(WATCHED.alarms)
  })

  test('are silent where nothing is published, as of an idle job; that of a failed job stays as it is', () => {
    const silences = alarms.map(({ MetricName, TreatMissingData }) => [MetricName, TreatMissingData])
    for (const [metric, silence] of silences) {
      expect([metric, silence]).toEqual([metric, metric === 'jobStatusFailed' ? 'ignore' : 'notBreaching'])
    }
  })

  test('of unread records stay as they are where nothing is published: it is told with what comes, and once a week', () => {
    const unread = alarmsOf(synthesise({ job: jobWithEverything() })).filter(
      ({ MetricName }) => MetricName === 'oldestUnreadAge',
    )
    expect(unread.map(({ TreatMissingData }) => TreatMissingData)).toEqual(unread.map(() => 'ignore'))
    expect(unread.length).toBeGreaterThan(0)
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
