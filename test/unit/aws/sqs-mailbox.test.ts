import type {
  GetQueueAttributesCommandInput,
  GetQueueAttributesCommandOutput,
  SendMessageBatchCommandInput,
  SendMessageBatchCommandOutput,
  SendMessageCommandInput,
  SendMessageCommandOutput,
} from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { decodeMessageText } from '../../../lib/aws/message-text.ts'
import type { SqsRequests } from '../../../lib/aws/services.ts'
import { SqsMailbox } from '../../../lib/aws/sqs-mailbox.ts'
import { actorKind, COORDINATOR, ingestActor, taskActor } from '../../../lib/model/actors.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { taskId, type ActorId } from '../../../lib/model/ids.ts'
import { MESSAGE_BYTES_MAX } from '../../../lib/ports/mailbox.ts'
import { ANSWER, quickRetrying, script, sdkError, THROTTLE, unasked } from './fakes.ts'

const ONE = taskActor(taskId('one', 0))
const TWO = taskActor(taskId('two', 0))

type BatchInput = SendMessageBatchCommandInput
type BatchAnswer = SendMessageBatchCommandOutput

function mailboxOn(requests: Partial<SqsRequests>) {
  const warnings: string[] = []
  const { retrying, waits } = quickRetrying()
  const sqs: SqsRequests = {
    sendMessage: unasked,
    sendMessageBatch: unasked,
    getQueueAttributes: unasked,
    getQueueUrl: unasked,
    ...requests,
  }
  const mailbox = new SqsMailbox(sqs, retrying, {
    queueOf: (actor) => `https://sqs/${actorKind(actor)}.fifo`,
    deadLetters: () => 'https://sqs/dead.fifo',
    warn: (message) => warnings.push(message),
  })
  return { mailbox, warnings, waits }
}

const message = (to: ActorId, name: string, length = 3) => ({
  to,
  deduplicationId: name,
  body: new Uint8Array(length).fill(1),
})

const allSent = (): BatchAnswer => ({ ...ANSWER, Successful: [], Failed: [] })
const failed = (index: number, senderFault: boolean) => ({
  Id: String(index),
  Code: senderFault ? 'InvalidMessageContents' : 'InternalError',
  Message: 'said so',
  SenderFault: senderFault,
})
const idsOf = (input: BatchInput): string[] => input.Entries!.map((entry) => entry.MessageDeduplicationId!)

/** Whatever can go on without an answer has. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('SqsMailbox.send', () => {
  it('asks as few times as it takes, one queue at a time, groups together', async () => {
    const sendMessageBatch = script<BatchInput, BatchAnswer>(allSent())
    const { mailbox } = mailboxOn({ sendMessageBatch })
    const mixed = Array.from({ length: 15 }, (_, index) => [
      message(ONE, `one-${index}`),
      message(TWO, `two-${index}`),
      message(COORDINATOR, `c-${index}`),
    ]).flat()
    expect(new Set(await mailbox.send(mixed))).toEqual(new Set(['sent']))
    const callsTo = (queue: string): BatchInput[] =>
      sendMessageBatch.calls.filter(({ QueueUrl }) => QueueUrl === `https://sqs/${queue}.fifo`)
    expect([callsTo('task').length, callsTo('coordinator').length]).toEqual([3, 2])
    const tasks = callsTo('task').flatMap(idsOf)
    for (const name of ['one', 'two']) {
      const own = tasks.filter((id) => id.startsWith(name))
      expect(own).toEqual(Array.from({ length: 15 }, (_, index) => `${name}-${index}`))
    }
  })

  it('cuts batches at 1 MiB of text', async () => {
    const sendMessageBatch = script<BatchInput, BatchAnswer>(allSent())
    const { mailbox } = mailboxOn({ sendMessageBatch })
    const sizes = [MESSAGE_BYTES_MAX, 100, 300_000, 300_000, 300_000]
    await mailbox.send(sizes.map((size, index) => message(ONE, String(index), size)))
    expect(sendMessageBatch.calls.map(idsOf)).toEqual([['0', '1'], ['2', '3'], ['4']])
    for (const { Entries } of sendMessageBatch.calls) {
      const bytes = Entries!.reduce((sum, { MessageBody }) => sum + MessageBody!.length, 0)
      expect(bytes).toBeLessThanOrEqual(1_048_576)
    }
  })

  it("sends a group's later batch only after the earlier one was answered", async () => {
    const answers: ((answer: BatchAnswer) => void)[] = []
    const calls: BatchInput[] = []
    const { mailbox } = mailboxOn({
      sendMessageBatch: (input: BatchInput) => {
        calls.push(input)
        return new Promise((resolve) => answers.push(resolve))
      },
    })
    const sending = mailbox.send([
      ...Array.from({ length: 15 }, (_, index) => message(ONE, `one-${index}`)),
      message(COORDINATOR, 'c'),
    ])
    await settled()
    expect(calls.map((input) => idsOf(input)[0])).toEqual(['one-0', 'c'])
    answers[0]!(allSent())
    await settled()
    expect(calls.map((input) => idsOf(input)[0])).toEqual(['one-0', 'c', 'one-10'])
    for (const answer of answers) answer(allSent())
    expect(new Set(await sending)).toEqual(new Set(['sent']))
  })

  it('tries again what failed on the side of SQS, and only that', async () => {
    const sendMessageBatch = script<BatchInput, BatchAnswer>(
      { ...ANSWER, Successful: [], Failed: [failed(1, false)] },
      THROTTLE,
      allSent(),
    )
    const { mailbox, warnings } = mailboxOn({ sendMessageBatch })
    expect(await mailbox.send([message(ONE, 'a'), message(TWO, 'b'), message(ONE, 'c')])).toEqual([
      'sent',
      'sent',
      'sent',
    ])
    expect(sendMessageBatch.calls.map(idsOf)).toEqual([['a', 'c', 'b'], ['b'], ['b']])
    expect(warnings).toEqual([])
  })

  it('tries again what a throttled key held up, whoever SQS says is at fault', async () => {
    const throttled = { Id: '0', SenderFault: true, Code: 'KMS.ThrottlingException', Message: 'slow down' }
    const sendMessageBatch = script<BatchInput, BatchAnswer>(
      { ...ANSWER, Successful: [], Failed: [throttled] },
      allSent(),
    )
    const { mailbox, warnings } = mailboxOn({ sendMessageBatch })
    expect(await mailbox.send([message(ONE, 'a')])).toEqual(['sent'])
    expect(warnings).toEqual([])
  })

  it('holds a group back behind a message that SQS refuses, and sends the others', async () => {
    const sendMessageBatch = script<BatchInput, BatchAnswer>((input) => ({
      ...ANSWER,
      Successful: [],
      Failed: input.Entries!.some(({ Id }) => Id === '2') ? [failed(2, true)] : [],
    }))
    const { mailbox, warnings } = mailboxOn({ sendMessageBatch })
    const messages = Array.from({ length: 22 }, (_, index) => message(ONE, `one-${index}`))
    const outcomes = await mailbox.send([...messages, message(TWO, 'two')])
    // Those of the same request were sent; what would come later is not.
    expect(outcomes.slice(0, 10)).toEqual(
      Array.from({ length: 10 }, (_, index) => (index === 2 ? 'failed' : 'sent')),
    )
    expect(new Set(outcomes.slice(10, 22))).toEqual(new Set(['failed']))
    expect(outcomes[22]).toBe('sent')
    expect(warnings).toEqual([
      'sqs:SendMessage on queue https://sqs/task.fifo refused 1 messages (InvalidMessageContents: said so)',
    ])
  })

  it('resolves where nothing could be sent, and says why', async () => {
    const denied = sdkError('AccessDeniedException', 403)
    const { mailbox, warnings } = mailboxOn({ sendMessageBatch: script<BatchInput, BatchAnswer>(denied) })
    expect(await mailbox.send([message(ONE, 'a'), message(ONE, 'b')])).toEqual(['failed', 'failed'])
    expect(warnings).toEqual([
      expect.stringContaining('Expected to be allowed sqs:SendMessage on queue https://sqs/task.fifo'),
    ])
  })

  it('rejects where no queue is named', async () => {
    const { retrying } = quickRetrying()
    const sqs = { sendMessageBatch: unasked } as unknown as SqsRequests
    const mailbox = new SqsMailbox(sqs, retrying, {
      queueOf: () => {
        throw new UserError('Expected MILLRACE_TASK_QUEUE_URL to be set')
      },
      deadLetters: () => '',
      warn: () => undefined,
    })
    await expect(mailbox.send([message(ONE, 'a')])).rejects.toThrow('MILLRACE_TASK_QUEUE_URL')
  })

  it('gives SQS ids that it takes, a digest where a name is no such', async () => {
    const sendMessageBatch = script<BatchInput, BatchAnswer>(allSent())
    const { mailbox } = mailboxOn({ sendMessageBatch })
    const odd = ingestActor('quelle é', 3)
    const long = ingestActor('x'.repeat(130), 3)
    await mailbox.send([message(ONE, 'plain'), message(odd, 'a b'), message(long, 'c')])
    const entries = sendMessageBatch.calls.flatMap(({ Entries }) => Entries!)
    expect(entries[0]).toMatchObject({ MessageGroupId: 'task:one#0', MessageDeduplicationId: 'plain' })
    const digests = entries.slice(1).map(({ MessageGroupId }) => MessageGroupId)
    expect(digests).toEqual([
      expect.stringMatching(/^sha256-[0-9a-f]{64}$/),
      expect.stringMatching(/^sha256-[0-9a-f]{64}$/),
    ])
    expect(new Set(digests).size).toBe(2)
    expect(entries[1]!.MessageDeduplicationId).toMatch(/^sha256-/)
  })

  it('refuses a message that is empty, or too large', async () => {
    const { mailbox } = mailboxOn({})
    for (const length of [0, MESSAGE_BYTES_MAX + 1])
      await expect(mailbox.send([message(ONE, 'a', length)])).rejects.toThrow('a message has 1 to')
  })
})

describe('SqsMailbox.refuse', () => {
  it('puts the message among the dead letters, with the reason', async () => {
    const sendMessage = script<SendMessageCommandInput, SendMessageCommandOutput>(THROTTLE, ANSWER)
    const { mailbox } = mailboxOn({ sendMessage })
    await mailbox.refuse({ messageId: 'id-1', body: Uint8Array.of(1, 2) }, 'no “envelope”')
    expect(sendMessage.calls[1]).toMatchObject({
      QueueUrl: 'https://sqs/dead.fifo',
      MessageGroupId: 'id-1',
      MessageDeduplicationId: 'id-1',
    })
    const { body, reason } = decodeMessageText(sendMessage.calls[1]!.MessageBody!)
    expect([[...body], reason]).toEqual([[1, 2], 'no “envelope”'])
  })

  it('cuts what is larger than any message of ours, and says so', async () => {
    const sendMessage = script<SendMessageCommandInput, SendMessageCommandOutput>(ANSWER)
    const { mailbox } = mailboxOn({ sendMessage })
    await mailbox.refuse({ messageId: 'id-1', body: new Uint8Array(786_000) }, 'r'.repeat(5000))
    const text = sendMessage.calls[0]!.MessageBody!
    expect(text.length).toBeLessThan(1_048_576)
    const { body, reason } = decodeMessageText(text)
    expect([body.length, reason!.endsWith('rr (the first of 786000 bytes)')]).toEqual([
      MESSAGE_BYTES_MAX,
      true,
    ])
  })
})

/** Looks at queues of tasks fail, and others hold 700 messages. */
function whereTaskQueuesFail(fault: Error) {
  return mailboxOn({
    getQueueAttributes: ({ QueueUrl: url }) =>
      url!.includes('task')
        ? Promise.reject(fault)
        : Promise.resolve({ ...ANSWER, Attributes: { ApproximateNumberOfMessages: '700' } }),
  })
}

describe('SqsMailbox.backlog', () => {
  it('counts what waits and what is in flight', async () => {
    const getQueueAttributes = script<GetQueueAttributesCommandInput, GetQueueAttributesCommandOutput>({
      ...ANSWER,
      Attributes: { ApproximateNumberOfMessages: '3', ApproximateNumberOfMessagesNotVisible: '4' },
    })
    const { mailbox } = mailboxOn({ getQueueAttributes })
    expect(await mailbox.backlog([COORDINATOR])).toBe(7)
    expect(getQueueAttributes.calls[0]!.QueueUrl).toBe('https://sqs/coordinator.fifo')
  })

  it('is that of the fullest of several queues, each of which is asked once', async () => {
    const asked: (string | undefined)[] = []
    const { mailbox } = mailboxOn({
      getQueueAttributes: ({ QueueUrl: url }) => {
        asked.push(url)
        const waiting = url!.includes('task') ? '9' : '2'
        return Promise.resolve({ ...ANSWER, Attributes: { ApproximateNumberOfMessages: waiting } })
      },
    })
    const tasks = [0, 1].map((subtask) => taskActor(taskId('sum', subtask)))
    expect(await mailbox.backlog([COORDINATOR, ...tasks])).toBe(9)
    expect(asked).toEqual(['https://sqs/coordinator.fifo', 'https://sqs/task.fifo'])
    expect(await mailbox.backlog([])).toBe(0)
  })

  it('is that of the others where one may not be looked at, and warns', async () => {
    const { mailbox, warnings } = whereTaskQueuesFail(sdkError('AccessDeniedException', 403))
    expect(await mailbox.backlog([ONE, COORDINATOR])).toBe(700)
    expect(warnings).toEqual([
      expect.stringContaining('sqs:GetQueueAttributes on queue https://sqs/task.fifo'),
    ])
    await expect(mailbox.backlog([ONE])).rejects.toThrow('sqs:GetQueueAttributes')
  })

  it('is not known where one cannot be looked at for a moment', async () => {
    const { mailbox } = whereTaskQueuesFail(THROTTLE)
    await expect(mailbox.backlog([ONE, COORDINATOR])).rejects.toThrow('sqs:GetQueueAttributes')
  })
})
