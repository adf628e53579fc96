import { S3, S3ServiceException } from '@aws-sdk/client-s3'

import { destroyOnEmulator, outputsOf, type Cdk } from './deploy-to-emulator.ts'
import { emulatorEnvironment, endpointOf, REGION } from './endpoint.ts'

/**
 * Removes a job that was deployed from here to the emulator that `env` names, with all its state. Resolves to whether its state
 * was still there: an emulator forgets all when it is started anew, and what was noted here is removed then as well.
 * @throws UserError if the job was not deployed from here.
 */
export async function removeFromEmulator(cdk: Cdk, job: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const { bucketName } = await outputsOf(job)
  const wasThere = await emptyBucket(endpointOf(env), bucketName)
  await destroyOnEmulator(cdk, job, emulatorEnvironment(env))
  return wasThere
}

/** A bucket is removed only when nothing is in it. False: it is not there. */
async function emptyBucket(endpoint: string, bucket: string): Promise<boolean> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const s3 = new S3({ endpoint, region: REGION, credentials, forcePathStyle: true })
  try {
    for (;;) {
      const { Contents: objects = [] } = await s3.listObjectsV2({ Bucket: bucket })
      if (objects.length === 0) return true
      await Promise.all(objects.map(({ Key }) => s3.deleteObject({ Bucket: bucket, Key: Key! })))
    }
  } catch (cause) {
    if (cause instanceof S3ServiceException && cause.name === 'NoSuchBucket') return false
    throw cause
  } finally {
    s3.destroy()
  }
}
