/**
 * `npm run local:down -- [job]`: removes a job that was deployed to an emulator, with all its state. Without a job, and
 * without `AWS_ENDPOINT_URL`, stops LocalStack, which forgets everything.
 */
import { S3 } from '@aws-sdk/client-s3'

import { UserError } from '../../lib/model/faults.ts'
import { cdk, expectDocker, run, script } from './commands.ts'
import { destroyOnEmulator, outputsOf } from './deploy-to-emulator.ts'
import { emulatorEnvironment, endpointOf, expectEndpoint, isGivenEndpoint, REGION } from './endpoint.ts'

await script(async () => {
  const job = process.argv[2]
  if (job !== undefined) return remove(job)
  if (isGivenEndpoint(process.env)) {
    throw new UserError(
      'Expected the file of the job to remove, since AWS_ENDPOINT_URL names an emulator that was not started here: ' +
        'npm run local:down -- examples/word-count-http.ts',
    )
  }
  expectDocker()
  await run('docker', ['compose', 'down', '--volumes'], process.env)
})

async function remove(job: string): Promise<void> {
  const endpoint = endpointOf(process.env)
  await expectEndpoint(endpoint)
  const { bucketName } = await outputsOf(job)
  await emptyBucket(endpoint, bucketName)
  await destroyOnEmulator(cdk, job, emulatorEnvironment(process.env))
}

/** A bucket is removed only when nothing is in it. */
async function emptyBucket(endpoint: string, bucket: string): Promise<void> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const s3 = new S3({ endpoint, region: REGION, credentials, forcePathStyle: true })
  for (;;) {
    const { Contents: objects = [] } = await s3.listObjectsV2({ Bucket: bucket })
    if (objects.length === 0) return
    await Promise.all(objects.map(({ Key }) => s3.deleteObject({ Bucket: bucket, Key: Key! })))
  }
}
