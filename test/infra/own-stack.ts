import { Stack, type App } from 'aws-cdk-lib'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Topic } from 'aws-cdk-lib/aws-sns'

import { StreamJob } from '../../infra/stream-job.ts'

/** A job in a stack with other things: what docs/guide/deploy.md shows. */
export async function ownStack(app: App): Promise<Stack> {
  const stack = new Stack(app, 'Shop')
  const pager = new Topic(stack, 'Pager', { enforceSSL: true })
  await StreamJob.load(stack, 'WordCount', {
    entry: 'examples/word-count-http.ts',
    memoryMb: 1769,
    alarmAction: new SnsAction(pager),
    chains: { count: { memoryMb: 3008, maxConcurrency: 50 } },
  })
  return stack
}
