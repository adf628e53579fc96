import { awsClients } from '../lib/aws/clients.ts'
import { awsPorts, type AwsPorts } from '../lib/aws/ports.ts'
import type { AwsServices } from '../lib/aws/services.ts'

/** What is used of the context that Lambda hands a function. */
export interface LambdaContext {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

/** Of the invocation under way: an environment has one at a time. */
let current: LambdaContext | undefined

/** Services, and until when they may be tried. */
export const access: { readonly services: AwsServices; readonly remainingMs: () => number } = {
  services: awsClients(process.env),
  remainingMs: () => current?.getRemainingTimeInMillis() ?? Infinity,
}

/** The world of the job, made once for an environment. */
export const ports: AwsPorts = awsPorts({ env: process.env, ...access })

/** Does what an invocation is for; its metrics are in the log when it ends, whichever way. */
export async function invoke<T>(context: LambdaContext, work: () => Promise<T>): Promise<T> {
  current = context
  try {
    return await work()
  } finally {
    ports.observe.flush()
  }
}
