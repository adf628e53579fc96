import { awsClients } from '../lib/aws/clients.ts'
import { awsPorts, type AwsPorts } from '../lib/aws/ports.ts'

/** What is used of the context that Lambda hands a function. */
export interface LambdaContext {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

/** Of the invocation under way: an environment has one at a time. */
let current: LambdaContext | undefined

/** The world of the job, made once for an environment. */
export const ports: AwsPorts = awsPorts({
  env: process.env,
  services: awsClients(process.env),
  remainingMs: () => current?.getRemainingTimeInMillis() ?? Infinity,
})

/** Does what an invocation is for; its metrics are in the log when it ends, whichever way. */
export async function invoke<T>(context: LambdaContext, work: () => Promise<T>): Promise<T> {
  current = context
  try {
    return await work()
  } finally {
    ports.observe.flush()
  }
}
