import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import { S3 } from '@aws-sdk/client-s3'
import { startFauxqs } from 'fauxqs'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { outputsFile } from '../../../scripts/local/deploy-to-emulator.ts'
import { removeFromEmulator } from '../../../scripts/local/remove-from-emulator.ts'

const job = `removed-${process.pid}.ts`
const bucket = `removed-${process.pid}`
let server: Awaited<ReturnType<typeof startFauxqs>>
let s3: S3
beforeAll(async () => {
  server = await startFauxqs({ port: 0, logger: false })
  s3 = new S3({
    endpoint: server.address,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  })
})
afterAll(async () => {
  s3.destroy()
  await server.stop()
})

/** As a deployment leaves them. */
function noteOutputs(): void {
  const names = ['TableName', 'BucketName', 'CoordinatorQueueUrl', 'IngestQueueUrl', 'DeadLetterQueueUrl']
  mkdirSync(dirname(outputsFile(job)), { recursive: true })
  writeFileSync(
    outputsFile(job),
    JSON.stringify({ Removed: Object.fromEntries(names.map((name) => [`Job${name}1`, bucket])) }),
  )
}

async function remove(): Promise<{ readonly wasThere: boolean; readonly commands: readonly string[] }> {
  const commands: string[] = []
  const cdk = async ([command = '']: readonly string[]): Promise<void> => void commands.push(command)
  const wasThere = await removeFromEmulator(cdk, job, { AWS_ENDPOINT_URL: server.address })
  return { wasThere, commands }
}

test('a job is removed when its bucket is empty, and no longer known then', async () => {
  await s3.createBucket({ Bucket: bucket })
  await s3.putObject({ Bucket: bucket, Key: 'checkpoints/1', Body: 'x' })
  noteOutputs()
  expect(await remove()).toEqual({ wasThere: true, commands: ['destroy'] })
  expect((await s3.listObjectsV2({ Bucket: bucket })).Contents ?? []).toEqual([])
  expect(existsSync(outputsFile(job))).toBe(false)
  await s3.deleteBucket({ Bucket: bucket })
})

test('a job that the emulator has forgotten is forgotten here, too', async () => {
  noteOutputs()
  expect(await remove()).toEqual({ wasThere: false, commands: ['destroy'] })
  expect(existsSync(outputsFile(job))).toBe(false)
})

test('a job that was not deployed from here is not removed', async () => {
  await expect(remove()).rejects.toThrow(`${job}: expected a job that was deployed from here`)
})
