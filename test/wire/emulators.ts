import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import dynalite from 'dynalite'
import { startFauxqs } from 'fauxqs'

// Real clients of the SDK talk to these over loopback. With MILLRACE_TEST_ENDPOINT all services are there (`.ci/ministack.sh`
// starts them); without, DynamoDB and SQS run in the process of the test.

export interface Emulator {
  readonly endpoint: string
  stop(): Promise<void>
}

const given = process.env['MILLRACE_TEST_ENDPOINT'] ?? ''

/** What runs the tests, for titles. */
export const DYNAMO_EMULATOR: string = given === '' ? 'dynalite' : 'the emulator at MILLRACE_TEST_ENDPOINT'
export const SQS_EMULATOR: string = given === '' ? 'fauxqs' : 'the emulator at MILLRACE_TEST_ENDPOINT'

/** Whether SQS gives several messages of one group at once, as AWS does. */
export const SQS_GROUP_BATCHES: boolean = given !== ''

export async function startDynamo(): Promise<Emulator> {
  if (given !== '') return running(given)
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

export async function startSqs(): Promise<Emulator> {
  if (given !== '') return running(given)
  const server = await startFauxqs({ port: 0, logger: false })
  return { endpoint: server.address, stop: () => server.stop() }
}

/** @throws Error without an endpoint: what npm has is no S3 that honours conditions, and no EventBridge. */
export function startAll(): Emulator {
  if (given === '') throw new Error('Expected MILLRACE_TEST_ENDPOINT to name an emulator')
  return running(given)
}

/** Somebody else starts and stops it. */
const running = (endpoint: string): Emulator => ({ endpoint, stop: () => Promise.resolve() })

/** What the SDK and Millrace go by in these tests. */
export function environmentOf(endpoint: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
}

/** As the clients that make tables and queues, and look at them, are configured. */
export function adminOptions(endpoint: string): {
  endpoint: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
} {
  return { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
}

/** For names: no two tests of any run share a table or queue. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid}-${Date.now()}-${++names}`
}

let names = 0
