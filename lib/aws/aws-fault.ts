import { PlatformFault } from '../ports/platform-fault.ts'
import { messageOf, UserError } from '../model/faults.ts'
import type { Answer } from '../ports/outside.ts'

/** A request as a policy names it, and what it is made of: `dynamodb:PutItem` on `table "counts"`. */
export interface AwsRequest {
  readonly action: string
  readonly resource: string
}

/**
 * What is to be done about a failed request: *retryable*, try again; *permission*, grant it; *missing*, make the table,
 * queue, bucket or rule; *other*, look at what AWS said.
 */
export type AwsProblem = 'retryable' | 'permission' | 'missing' | 'other'

/** A request of AWS failed for good, or for as long as there was time to try. */
export class AwsFault extends PlatformFault {
  override readonly name: string = 'AwsFault'
  readonly problem: AwsProblem
  readonly request: AwsRequest

  constructor(problem: AwsProblem, request: AwsRequest, cause: unknown, tries = 1) {
    super(describe(problem, request, cause, tries), {
      cause: withoutExchange(cause),
      passes: problem === 'retryable',
    })
    this.problem = problem
    this.request = request
  }
}

/** The SDK's errors carry the whole exchange, with signed headers: nothing for a log. */
function withoutExchange(cause: unknown): Error {
  const bare = new Error(messageOf(cause))
  bare.name = nameOf(cause)
  return bare
}

function describe(problem: AwsProblem, request: AwsRequest, cause: unknown, tries: number): string {
  const { action, resource } = request
  const said = `${nameOf(cause)}: ${messageOf(cause)}`
  switch (problem) {
    case 'permission':
      return `Expected to be allowed ${action} on ${resource}; grant it to the role that this runs as (${said})`
    case 'missing':
      return `Expected ${resource} to exist in this account and region, for ${action} (${said})`
    case 'retryable':
      return `${action} on ${resource} failed, tried ${tries === 1 ? 'once' : `${tries} times`} (${said})`
    case 'other':
      return `${action} on ${resource} failed (${said})`
  }
}

/** What the SDK throws, as far as it is looked at. */
interface SdkError {
  readonly name?: unknown
  /** Of an error of the connection. */
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown }
  readonly $retryable?: unknown
}

export function nameOf(cause: unknown): string {
  const name = (cause as SdkError | undefined)?.name
  return typeof name === 'string' ? name : 'Error'
}

function statusOf(cause: unknown): number | undefined {
  const status = (cause as SdkError | undefined)?.$metadata?.httpStatusCode
  return typeof status === 'number' ? status : undefined
}

/** The condition of a write did not hold. Emulators of S3 give the status, and not always the name. */
export function isConditionFailure(cause: unknown): boolean {
  return (
    nameOf(cause) === 'ConditionalCheckFailedException' ||
    nameOf(cause) === 'PreconditionFailed' ||
    statusOf(cause) === 412
  )
}

export function classify(cause: unknown): AwsProblem {
  const named = classifyName(nameOf(cause))
  if (named !== undefined) return named
  const status = statusOf(cause)
  if (status === 429 || (status !== undefined && status >= 500)) return 'retryable'
  if (status === 403) return 'permission'
  const error = cause as SdkError | undefined
  if (error?.$retryable !== undefined) return 'retryable'
  return typeof error?.code === 'string' && CONNECTION_CODES.has(error.code) ? 'retryable' : 'other'
}

/** Of an error, or of one entry of a batch that failed; undefined: the name alone does not tell. */
export function classifyName(name: string): Exclude<AwsProblem, 'other'> | undefined {
  if (RETRYABLE_NAMES.has(name)) return 'retryable'
  if (MISSING_NAMES.has(name)) return 'missing'
  if (PERMISSION_NAMES.has(name) || /access.?denied/i.test(name)) return 'permission'
  return undefined
}

/** Throttles, trouble on AWS's side, and races that a second try settles, in the words of each service. */
const RETRYABLE_NAMES: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'ProvisionedThroughputExceededException',
  // The key of an encrypted queue or bucket: SQS says it with status 400, and calls it the sender's fault.
  'KmsThrottled',
  'KMS.ThrottlingException',
  'TransactionConflictException',
  'InternalServerError',
  'InternalError',
  'InternalFailure',
  'InternalException',
  'ServiceUnavailable',
  'SlowDown',
  'ConditionalRequestConflict',
  'OperationAborted',
  'ConcurrentModificationException',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'TimeoutError',
])

/** Of the connection, or of a host that is not found for a moment. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
])

const MISSING_NAMES: ReadonlySet<string> = new Set([
  'ResourceNotFoundException',
  'NoSuchBucket',
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
])

/** Refused by a policy, or for want of credentials that are known to AWS. */
const PERMISSION_NAMES: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
  'KMSDisabledException',
])

/** What a failed request of a sink's means to it. @throws UserError where the SDK is not installed. */
export function answerTo(request: AwsRequest, cause: unknown): Exclude<Answer, { readonly type: 'done' }> {
  if (cause instanceof UserError) throw cause
  const problem = classify(cause)
  const reason = new AwsFault(problem, request, cause).message
  return { type: problem === 'retryable' ? 'unavailable' : 'refused', reason }
}
