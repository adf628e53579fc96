import { SQS } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, test } from 'vitest'
import { awsClients } from '../../lib/aws/clients.ts'
import { awsOutside } from '../../lib/aws/outside.ts'
import { expectRefusal, outsideQueueContract } from '../contract/outside-queue.ts'
import {
  adminOptions,
  environmentOf,
  SQS_EMULATOR,
  startSqs,
  uniqueName,
  type Emulator,
} from './emulators.ts'

let emulator: Emulator
let admin: SQS
let services: ReturnType<typeof awsClients>

beforeAll(async () => {
  emulator = await startSqs()
  admin = new SQS({ ...adminOptions(emulator.endpoint), useQueueUrlAsEndpoint: false })
  services = awsClients(environmentOf(emulator.endpoint))
})

afterAll(async () => {
  services.close()
  admin.destroy()
  await emulator.stop()
})

outsideQueueContract(`queues of awsOutside on ${SQS_EMULATOR}`, async () => {
  const names = { standard: uniqueName('outside'), fifo: `${uniqueName('outside')}.fifo` }
  const standard = await admin.createQueue({ QueueName: names.standard })
  const fifo = await admin.createQueue({ QueueName: names.fifo, Attributes: { FifoQueue: 'true' } })
  const urls = { standard: standard.QueueUrl!, fifo: fifo.QueueUrl! }
  const outside = awsOutside({ services })
  return {
    // One by its name, one by its URL.
    standard: outside.queue(names.standard),
    fifo: outside.queue(urls.fifo),
    received: (queue) => receiveAll(urls[queue]),
    async close() {
      for (const QueueUrl of Object.values(urls)) await admin.deleteQueue({ QueueUrl })
    },
  }
})

// oxlint-disable-next-line vitest/expect-expect -- the contract's function expects
test('a queue that is not there', () => expectRefusal(awsOutside({ services }).queue(uniqueName('missing'))))

async function receiveAll(QueueUrl: string): Promise<string[]> {
  const bodies: string[] = []
  for (;;) {
    const { Messages = [] } = await admin.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10 })
    if (Messages.length === 0) return bodies
    for (const { Body, ReceiptHandle } of Messages) {
      bodies.push(Body!)
      await admin.deleteMessage({ QueueUrl, ReceiptHandle })
    }
  }
}
