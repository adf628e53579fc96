import type { SQSEvent, SQSRecord } from 'aws-lambda'
import { expect, test, vi } from 'vitest'

import type { LambdaContext } from '../../../functions/aws.ts'
import { encodeMessageText } from '../../../lib/aws/message-text.ts'
import type { IncomingMessage } from '../../../lib/serverless/runtime.ts'

vi.mock('../../../functions/aws.ts', () => ({
  invoke: <T>(_context: LambdaContext, work: () => Promise<T>) => work(),
}))
const { queueFunction } = await import('../../../functions/queue-function.ts')

test('a function behind a queue is handed what was sent, and text of others as it is', async () => {
  const handed: IncomingMessage[] = []
  const handler = queueFunction(async (messages) => {
    handed.push(...messages)
    return { failed: ['b'] }
  })
  const bodies = { a: encodeMessageText(Uint8Array.of(1, 2)), b: '{ "celsius": 21.5 }', c: 'test.data' }
  const records = Object.entries(bodies).map(([messageId, body]) => ({ messageId, body }) as SQSRecord)
  const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 1_000 }
  expect(await handler({ Records: records } satisfies SQSEvent, context)).toEqual({
    batchItemFailures: [{ itemIdentifier: 'b' }],
  })
  expect(handed.map(({ messageId, body }) => [messageId, Buffer.from(body).toString()])).toEqual([
    ['a', '\u0001\u0002'],
    ['b', bodies.b],
    ['c', bodies.c],
  ])
})
