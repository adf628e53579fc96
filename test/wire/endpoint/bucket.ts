import { S3 } from '@aws-sdk/client-s3'
import { awsClients } from '../../../lib/aws/clients.ts'
import { S3BlobStore } from '../../../lib/aws/s3-blob-store.ts'
import { adminOptions, environmentOf, startAll, uniqueName } from '../emulators.ts'
import { retrying } from '../table.ts'

/** A bucket of an emulator, with as many stores as tests need: each has a prefix of its own. */
export interface BucketWorld {
  readonly admin: S3
  readonly bucket: string
  newStore(): S3BlobStore
  stop(): Promise<void>
}

export async function bucketWorld(): Promise<BucketWorld> {
  const { endpoint } = startAll()
  const admin = new S3({ ...adminOptions(endpoint), forcePathStyle: true })
  const clients = awsClients(environmentOf(endpoint))
  const bucket = uniqueName('millrace')
  await admin.createBucket({ Bucket: bucket })
  return {
    admin,
    bucket,
    newStore: () =>
      new S3BlobStore(clients.s3, retrying, { bucket: () => bucket, prefix: `jobs/${uniqueName('job')}/` }),
    async stop() {
      const { Contents = [] } = await admin.listObjectsV2({ Bucket: bucket })
      for (const { Key } of Contents) await admin.deleteObject({ Bucket: bucket, Key })
      await admin.deleteBucket({ Bucket: bucket })
      clients.close()
      admin.destroy()
    },
  }
}
