/** `npm run local:down`: removes a job that was deployed to an emulator, or stops LocalStack. */
import { S3 } from '@aws-sdk/client-s3'

import { UserError } from '../../lib/model/faults.ts'
import { commandLine } from '../command-line.ts'
import { cdk, expectDocker, run, script } from './commands.ts'
import { destroyOnEmulator, outputsOf } from './deploy-to-emulator.ts'
import { emulatorEnvironment, endpointOf, expectEndpoint, isGivenEndpoint, REGION } from './endpoint.ts'

const USAGE = `Usage: npm run local:down [-- <job>]

Removes a job that was deployed to an emulator, with all its state. Without a job, and without AWS_ENDPOINT_URL, stops
LocalStack, which forgets everything.

  <job>  the file of the job, as it was deployed`

const { positionals, refuse } = commandLine(USAGE, {}, { allowPositionals: true })
const [job, ...others] = positionals
if (others.length > 0) refuse(`Expected the file of one job, got ${positionals.join(', ')}`)

await script(async () => {
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

async function remove(deployed: string): Promise<void> {
  const endpoint = endpointOf(process.env)
  await expectEndpoint(endpoint)
  const { bucketName } = await outputsOf(deployed)
  await emptyBucket(endpoint, bucketName)
  await destroyOnEmulator(cdk, deployed, emulatorEnvironment(process.env))
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
