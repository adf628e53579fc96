import type { SendMessageCommandInput, SendMessageCommandOutput } from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { EventBridgeSchedule } from '../../../lib/aws/event-bridge-schedule.ts'
import type { SqsRequests } from '../../../lib/aws/services.ts'
import { delaySec, SqsWakeUps } from '../../../lib/aws/sqs-wake-ups.ts'
import { COORDINATOR } from '../../../lib/model/actors.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import { decodeWakeUp } from '../../../lib/serverless/relay/wake-up.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import { wakeUpsContract } from '../../contract/wake-ups.ts'
import { CallLedger } from '../../world/call-ledger.ts'
import { DelayQueue } from '../../world/memory-delay-queue.ts'
import { ANSWER, quickRetrying, script, sdkError, THROTTLE } from './fakes.ts'

wakeUpsContract('SqsWakeUps on a model of SQS', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const queue = new DelayQueue({ clock, ledger: new CallLedger() })
  const { retrying } = quickRetrying()
  const sqs = {
    sendMessage: ({ MessageBody, DelaySeconds }: SendMessageCommandInput) => {
      queue.send(Buffer.from(MessageBody!), DelaySeconds!)
      return Promise.resolve(ANSWER)
    },
  } as unknown as SqsRequests
  const wakeUps = new SqsWakeUps(sqs, retrying, { url: () => 'url', now: () => clock.now() })
  let ticks = false
  const schedule = new EventBridgeSchedule(
    {
      enableRule: () => Promise.resolve(ANSWER).then((answer) => ((ticks = true), answer)),
      disableRule: () => Promise.resolve(ANSWER).then((answer) => ((ticks = false), answer)),
    },
    retrying,
    () => 'rule',
  )
  const nudged: ActorId[] = []
  /** As the function that the queue calls. */
  async function relay(): Promise<void> {
    for (let messages = queue.receive(); messages.length > 0; messages = queue.receive()) {
      for (const { body } of messages) {
        const { actor, atMs } = decodeWakeUp(Buffer.from(body).toString())!
        if (atMs <= clock.now()) nudged.push(actor)
        else await wakeUps.wakeAt(actor, atMs)
      }
      queue.delete(messages.map(({ receiptHandle }) => receiptHandle))
    }
  }
  return Promise.resolve({
    wakeUps,
    schedule,
    nowMs: () => clock.now(),
    async until(atMs: number) {
      for (;;) {
        await relay()
        const nextMs = queue.nextReceivableMs
        if (nextMs === undefined || nextMs > atMs) break
        clock.advanceTo(nextMs)
      }
      clock.advanceTo(atMs)
    },
    async nudged() {
      await relay()
      return nudged.splice(0)
    },
    ticks: () => Promise.resolve(ticks),
  })
})

describe('SqsWakeUps', () => {
  it('delays by whole seconds, never less than it takes and never more than SQS allows', () => {
    const delays = [-5, 0, 1, 999, 1000, 1001, 899_001, 900_000, 900_001, 1e12]
    expect(delays.map((aheadMs) => delaySec(1_000 + aheadMs, 1_000))).toEqual([
      0, 0, 1, 1, 1, 2, 900, 900, 900, 900,
    ])
  })

  it('is sent again after a throttle', async () => {
    const sendMessage = script<SendMessageCommandInput, SendMessageCommandOutput>(THROTTLE, ANSWER)
    const sqs = { sendMessage } as unknown as SqsRequests
    const options = { url: () => 'https://sqs/wake', now: () => 0 }
    await new SqsWakeUps(sqs, quickRetrying().retrying, options).wakeAt(COORDINATOR, 1500)
    expect(sendMessage.calls).toHaveLength(2)
    expect(sendMessage.calls[1]).toEqual({
      QueueUrl: 'https://sqs/wake',
      MessageBody: '{"actor":"coordinator","atMs":1500}',
      DelaySeconds: 2,
    })
  })
})

describe('EventBridgeSchedule', () => {
  it('settles a race with another, and names the rule that is missing', async () => {
    const missing = sdkError('ResourceNotFoundException', 400)
    const race = sdkError('ConcurrentModificationException', 400)
    const enableRule = script<object, typeof ANSWER>(race, ANSWER)
    const { retrying } = quickRetrying()
    const disableRule = script<object, typeof ANSWER>(missing)
    const schedule = new EventBridgeSchedule({ enableRule, disableRule }, retrying, () => 'tick')
    await schedule.enable()
    expect(enableRule.calls).toEqual([{ Name: 'tick' }, { Name: 'tick' }])
    await expect(schedule.disable()).rejects.toThrow('Expected rule "tick" to exist')
  })
})
