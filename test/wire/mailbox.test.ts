import { SQS } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll } from 'vitest'
import { awsClients } from '../../lib/aws/clients.ts'
import { decodeMessageText } from '../../lib/aws/message-text.ts'
import type { SqsRequests } from '../../lib/aws/services.ts'
import { SqsMailbox } from '../../lib/aws/sqs-mailbox.ts'
import { actorKind } from '../../lib/model/actors.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import { mailboxContract, type Delivery, type MailboxHarness } from '../contract/mailbox.ts'
import {
  adminOptions,
  environmentOf,
  SQS_EMULATOR,
  SQS_GROUP_BATCHES,
  startSqs,
  uniqueName,
  type Emulator,
} from './emulators.ts'
import { retrying } from './table.ts'

const RECEIVES_MAX = 3
const VISIBILITY_SEC = 30

interface SqsDelivery extends Delivery {
  readonly receiptHandle: string
}

let emulator: Emulator
let admin: SQS
let clients: ReturnType<typeof awsClients>

beforeAll(async () => {
  emulator = await startSqs()
  admin = new SQS({ ...adminOptions(emulator.endpoint), useQueueUrlAsEndpoint: false })
  clients = awsClients(environmentOf(emulator.endpoint))
})

afterAll(async () => {
  clients.close()
  admin.destroy()
  await emulator.stop()
})

mailboxContract(`SqsMailbox on ${SQS_EMULATOR}`, newMailbox, {
  controlsTime: 'an emulator has a clock of its own',
  ...(!SQS_GROUP_BATCHES && { groupBatches: 'fauxqs gives one message of a group at a time' }),
})

async function newMailbox(): Promise<MailboxHarness<SqsDelivery>> {
  const deadLetters = await newQueue('dead', {})
  const { Attributes } = await admin.getQueueAttributes({
    QueueUrl: deadLetters,
    AttributeNames: ['QueueArn'],
  })
  const redrive = { deadLetterTargetArn: Attributes!['QueueArn'], maxReceiveCount: RECEIVES_MAX }
  const queues = {
    task: await newQueue('tasks', { RedrivePolicy: JSON.stringify(redrive) }),
    ingest: await newQueue('ingest', { RedrivePolicy: JSON.stringify(redrive) }),
    coordinator: await newQueue('coordinator', { RedrivePolicy: JSON.stringify(redrive) }),
  }
  const queueOf = (actor: ActorId): string => queues[actorKind(actor)]
  const { sqs, failNextSend } = failing(clients.sqs)
  return {
    mailbox: new SqsMailbox(sqs, retrying, {
      queueOf,
      deadLetters: () => deadLetters,
      warn: () => undefined,
    }),
    receive: (actor) => receive(queueOf(actor)),
    async acknowledge(actor, deliveries) {
      for (const { receiptHandle } of deliveries)
        await admin
          .deleteMessage({ QueueUrl: queueOf(actor), ReceiptHandle: receiptHandle })
          .catch(ignoreOldReceipt)
    },
    async giveBack(actor, deliveries) {
      for (const { receiptHandle } of deliveries)
        await admin.changeMessageVisibility({
          QueueUrl: queueOf(actor),
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: 0,
        })
    },
    deadLetters: () => receive(deadLetters),
    receivesMax: RECEIVES_MAX,
    visibilityMs: VISIBILITY_SEC * 1000,
    failNextSend,
    async close() {
      for (const url of [deadLetters, ...Object.values(queues)]) await admin.deleteQueue({ QueueUrl: url })
    },
  }
}

/** Some say that a receipt is of an earlier delivery, and some only do nothing. */
function ignoreOldReceipt(cause: unknown): void {
  if (!(cause instanceof Error) || !/ReceiptHandle|InvalidParameterValue/.test(cause.name)) throw cause
}

async function newQueue(purpose: string, attributes: Record<string, string>): Promise<string> {
  const { QueueUrl } = await admin.createQueue({
    QueueName: `${uniqueName(purpose)}.fifo`,
    Attributes: {
      FifoQueue: 'true',
      VisibilityTimeout: String(VISIBILITY_SEC),
      // MiniStack has an older default.
      MaximumMessageSize: '1048576',
      ...attributes,
    },
  })
  return QueueUrl!
}

async function receive(url: string): Promise<(SqsDelivery & { reason: string | undefined })[]> {
  const { Messages = [] } = await admin.receiveMessage({
    QueueUrl: url,
    MaxNumberOfMessages: 10,
    MessageSystemAttributeNames: ['ApproximateReceiveCount'],
  })
  return Messages.map(({ Body, ReceiptHandle, Attributes }) => {
    const { body, reason } = decodeMessageText(Body!)
    return {
      body: Uint8Array.from(body),
      reason,
      receiptHandle: ReceiptHandle!,
      receiveCount: Number(Attributes?.ApproximateReceiveCount),
    }
  })
}

/** The next batch fails, whole or in part, before it comes to the emulator. */
function failing(real: SqsRequests): {
  sqs: SqsRequests
  failNextSend: (entries: readonly number[] | 'all') => void
} {
  let next: readonly number[] | 'all' = []
  return {
    failNextSend: (entries) => {
      next = entries
    },
    sqs: {
      ...real,
      async sendMessageBatch(input) {
        const fails = next
        next = []
        if (fails === 'all') throw Object.assign(new Error('injected'), { name: 'InvalidAddress' })
        if (fails.length === 0) return real.sendMessageBatch(input)
        const entries = input.Entries!
        const answer = await real.sendMessageBatch({
          ...input,
          Entries: entries.filter((_, index) => !fails.includes(index)),
        })
        const failed = fails.map((index) => ({ Id: entries[index]!.Id, Code: 'injected', SenderFault: true }))
        return { ...answer, Failed: [...(answer.Failed ?? []), ...failed] }
      },
    },
  }
}
