import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { S3 } from '@aws-sdk/client-s3'
import { SQS } from '@aws-sdk/client-sqs'

import { emulatorEnvironment, REGION } from '../../scripts/local/endpoint.ts'

/** The emulator of AWS that the tests run against. */
export interface Emulator {
  readonly endpoint: string
  readonly env: NodeJS.ProcessEnv
  readonly dynamo: DynamoDB
  readonly s3: S3
  readonly sqs: SQS
}

export function emulatorAt(endpoint: string): Emulator {
  const options = {
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  }
  return {
    endpoint,
    env: emulatorEnvironment({ ...process.env, AWS_ENDPOINT_URL: endpoint }),
    dynamo: new DynamoDB(options),
    s3: new S3({ ...options, forcePathStyle: true }),
    sqs: new SQS({ ...options, useQueueUrlAsEndpoint: false }),
  }
}

export async function listObjects(
  { s3 }: Emulator,
  bucket: string,
  prefix: string,
): Promise<readonly string[]> {
  const keys: string[] = []
  for (let token: string | undefined; ;) {
    const page = await s3.listObjectsV2({ Bucket: bucket, Prefix: prefix, ContinuationToken: token })
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []))
    token = page.NextContinuationToken
    if (token === undefined) return keys
  }
}

export async function readObject({ s3 }: Emulator, bucket: string, key: string): Promise<string> {
  const { Body } = await s3.getObject({ Bucket: bucket, Key: key })
  return (await Body?.transformToString()) ?? ''
}

export async function emptyBucket(emulator: Emulator, bucket: string): Promise<void> {
  for (const key of await listObjects(emulator, bucket, ''))
    await emulator.s3.deleteObject({ Bucket: bucket, Key: key })
}
