import { SQS } from '@aws-sdk/client-sqs'
import { awsClients } from '../../lib/aws/clients.ts'
import { SqsWakeUps } from '../../lib/aws/sqs-wake-ups.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import { decodeWakeUp } from '../../lib/serverless/relay/wake-up.ts'
import type { WakeUpsHarness } from '../contract/wake-ups.ts'
import { adminOptions, environmentOf, startSqs, uniqueName } from './emulators.ts'
import { retrying } from './table.ts'

/** An emulator of SQS, with as many wake-up queues as tests need, and what relays from them. */
export interface WakeUpWorld {
  newWakeUps(): Promise<Omit<WakeUpsHarness, 'schedule' | 'ticks'>>
  stop(): Promise<void>
}

export async function wakeUpWorld(): Promise<WakeUpWorld> {
  const emulator = await startSqs()
  const admin = new SQS({ ...adminOptions(emulator.endpoint), useQueueUrlAsEndpoint: false })
  const clients = awsClients(environmentOf(emulator.endpoint))
  return {
    async newWakeUps() {
      const { QueueUrl: url } = await admin.createQueue({ QueueName: uniqueName('wake-ups') })
      const wakeUps = new SqsWakeUps(clients.sqs, retrying, { url: () => url!, now: () => Date.now() })
      const nudged: ActorId[] = []
      /** As the function that the queue calls. */
      const relay = async (waitSec: number): Promise<void> => {
        const { Messages = [] } = await admin.receiveMessage({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: waitSec,
        })
        for (const { Body, ReceiptHandle } of Messages) {
          const { actor, atMs } = decodeWakeUp(Body!)!
          if (atMs <= Date.now()) nudged.push(actor)
          else await wakeUps.wakeAt(actor, atMs)
          await admin.deleteMessage({ QueueUrl: url, ReceiptHandle })
        }
      }
      return {
        wakeUps,
        nowMs: () => Date.now(),
        async until(atMs) {
          while (Date.now() < atMs) await relay(1)
        },
        async nudged() {
          await relay(0)
          return nudged.splice(0)
        },
        close: async () => void (await admin.deleteQueue({ QueueUrl: url })),
      }
    },
    async stop() {
      clients.close()
      admin.destroy()
      await emulator.stop()
    },
  }
}
