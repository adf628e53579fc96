import type { DynamoDB } from '@aws-sdk/client-dynamodb'
import type { EventBridge } from '@aws-sdk/client-eventbridge'
import type { S3 } from '@aws-sdk/client-s3'
import type { SQS } from '@aws-sdk/client-sqs'
import { UserError } from '../model/faults.ts'
import type { AwsServices } from './services.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Services of AWS through the SDK: one client for each, loaded and made when it is first asked for. */
export interface AwsClients extends AwsServices {
  /** Closes the connections of those that were made. */
  close(): void
}

/**
 * `AWS_ENDPOINT_URL` names an emulator in the place of AWS; the region is `AWS_REGION`. Credentials come from `env` where
 * it has them, and otherwise from where the SDK looks for them.
 */
export function awsClients(env: Environment): AwsClients {
  const made: { destroy(): void }[] = []
  const endpoint = env.AWS_ENDPOINT_URL === '' ? undefined : env.AWS_ENDPOINT_URL
  const options = { ...commonOptions(env), ...(endpoint !== undefined && { endpoint }) }

  function lazily<Client extends { destroy(): void }>(make: () => Promise<Client>): () => Promise<Client> {
    let client: Promise<Client> | undefined
    return () =>
      (client ??= make().then((ready) => {
        made.push(ready)
        return ready
      }, needsPackage))
  }

  const dynamo = lazily<DynamoDB>(async () => {
    const sdk = await import('@aws-sdk/client-dynamodb')
    return new sdk.DynamoDB(options)
  })
  const sqs = lazily<SQS>(async () => {
    const sdk = await import('@aws-sdk/client-sqs')
    // A queue's URL names the host that the emulator believes to have, which need not be reachable from here.
    return new sdk.SQS({ ...options, ...(endpoint !== undefined && { useQueueUrlAsEndpoint: false }) })
  })
  const s3 = lazily<S3>(async () => {
    const sdk = await import('@aws-sdk/client-s3')
    // A bucket is no host name of an emulator.
    return new sdk.S3({
      ...options,
      requestHandler: { ...options.requestHandler, requestTimeout: OBJECT_TIMEOUT_MS },
      ...(endpoint !== undefined && { forcePathStyle: true }),
    })
  })
  const events = lazily<EventBridge>(async () => {
    const sdk = await import('@aws-sdk/client-eventbridge')
    return new sdk.EventBridge(options)
  })

  return {
    dynamo: {
      getItem: async (input) => (await dynamo()).getItem(input),
      putItem: async (input) => (await dynamo()).putItem(input),
      deleteItem: async (input) => (await dynamo()).deleteItem(input),
      query: async (input) => (await dynamo()).query(input),
      batchGetItem: async (input) => (await dynamo()).batchGetItem(input),
      batchWriteItem: async (input) => (await dynamo()).batchWriteItem(input),
    },
    sqs: {
      sendMessage: async (input) => (await sqs()).sendMessage(input),
      sendMessageBatch: async (input) => (await sqs()).sendMessageBatch(input),
      getQueueAttributes: async (input) => (await sqs()).getQueueAttributes(input),
      getQueueUrl: async (input) => (await sqs()).getQueueUrl(input),
    },
    s3: {
      putObject: async (input) => (await s3()).putObject(input),
      getObject: async (input) => (await s3()).getObject(input),
      deleteObject: async (input) => (await s3()).deleteObject(input),
      listObjectsV2: async (input) => (await s3()).listObjectsV2(input),
    },
    events: {
      enableRule: async (input) => (await events()).enableRule(input),
      disableRule: async (input) => (await events()).disableRule(input),
    },
    close() {
      for (const client of made.splice(0)) client.destroy()
    },
  }
}

function commonOptions(env: Environment): {
  region?: string
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  maxAttempts: number
  requestHandler: object
} {
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env
  return {
    ...(AWS_REGION !== undefined && { region: AWS_REGION }),
    ...(AWS_ACCESS_KEY_ID !== undefined &&
      AWS_SECRET_ACCESS_KEY !== undefined && {
        credentials: {
          accessKeyId: AWS_ACCESS_KEY_ID,
          secretAccessKey: AWS_SECRET_ACCESS_KEY,
          ...(AWS_SESSION_TOKEN !== undefined && { sessionToken: AWS_SESSION_TOKEN }),
        },
      }),
    // The SDK tries once: tries of its own would multiply with those of retry.ts, and know no deadline.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
    },
  }
}

const CONNECTION_TIMEOUT_MS = 2_000

/** A request that has not been answered by then is given up, and tried again. Most are answered in some milliseconds. */
const REQUEST_TIMEOUT_MS = 5_000

/** Objects may be large. */
const OBJECT_TIMEOUT_MS = 20_000

/** As many as rows are written at once (dynamo-row-store.ts), and some for what goes on beside it. */
const SOCKETS_MAX = 80

function needsPackage(cause: unknown): never {
  if ((cause as { code?: unknown } | undefined)?.code !== 'ERR_MODULE_NOT_FOUND') throw cause
  throw new UserError(
    'Expected the AWS SDK to be installed, as running on AWS needs it: ' +
      'npm install @aws-sdk/client-dynamodb @aws-sdk/client-eventbridge @aws-sdk/client-s3 @aws-sdk/client-sqs',
    { cause },
  )
}
