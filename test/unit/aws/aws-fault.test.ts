import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { AwsFault, classify, isConditionFailure } from '../../../lib/aws/aws-fault.ts'
import { sdkError } from './fakes.ts'

const REQUEST = { action: 's3:PutObject', resource: 's3://bucket/name' }

describe('classify', () => {
  it.each([
    ['ThrottlingException', 400],
    ['ProvisionedThroughputExceededException', 400],
    ['RequestLimitExceeded', 400],
    ['RequestThrottled', 400],
    ['SlowDown', 503],
    ['ConditionalRequestConflict', 409],
    ['OperationAborted', 409],
    ['InternalServerError', 500],
    ['NobodyKnows', 502],
    ['Error', 429],
    ['TimeoutError', 0],
    ['ConcurrentModificationException', 400],
    ['KmsThrottled', 400],
    ['KMS.ThrottlingException', 400],
  ])('has %s (%d) tried again', (name, status) => {
    expect(classify(sdkError(name, status))).toBe('retryable')
  })

  it.each(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN'])(
    'has a connection that failed tried again: %s',
    (code) => {
      expect(classify(Object.assign(new Error('connection'), { code }))).toBe('retryable')
    },
  )

  it.each([
    ['AccessDeniedException', 400],
    ['AccessDenied', 403],
    ['KMS.AccessDeniedException', 400],
    ['UnrecognizedClientException', 400],
    ['Forbidden', 403],
    ['CredentialsProviderError', 0],
  ])('takes %s (%d) for a want of permission', (name, status) => {
    expect(classify(sdkError(name, status))).toBe('permission')
  })

  it.each(['ResourceNotFoundException', 'NoSuchBucket', 'QueueDoesNotExist'])(
    'takes %s for missing',
    (name) => {
      expect(classify(sdkError(name, 400))).toBe('missing')
    },
  )

  it.each([
    sdkError('ValidationException', 400),
    new Error('plain'),
    Object.assign(new Error('no module'), { code: 'ERR_MODULE_NOT_FOUND' }),
    'text',
    undefined,
  ])('leaves %s to be looked at', (cause) => {
    expect(classify(cause)).toBe('other')
  })
})

describe('isConditionFailure', () => {
  it('knows the words of DynamoDB and S3, and the status where an emulator has no word', () => {
    expect(isConditionFailure(sdkError('ConditionalCheckFailedException', 400))).toBe(true)
    expect(isConditionFailure(sdkError('PreconditionFailed', 412))).toBe(true)
    expect(isConditionFailure(sdkError('Error', 412))).toBe(true)
    expect(isConditionFailure(sdkError('ValidationException', 400))).toBe(false)
    expect(isConditionFailure(undefined)).toBe(false)
  })
})

describe('AwsFault', () => {
  it('names the action and the resource, and what would mend it', () => {
    const denied = sdkError('AccessDenied', 403, 'User x is not authorized')
    expect(new AwsFault('permission', REQUEST, denied).message).toBe(
      'Expected to be allowed s3:PutObject on s3://bucket/name; grant it to the role that this runs as ' +
        '(AccessDenied: User x is not authorized)',
    )
    expect(new AwsFault('missing', REQUEST, sdkError('NoSuchBucket', 404)).message).toBe(
      'Expected s3://bucket/name to exist in this account and region, for s3:PutObject (NoSuchBucket: said so)',
    )
    expect(new AwsFault('other', REQUEST, 'text').message).toBe(
      's3:PutObject on s3://bucket/name failed (Error: text)',
    )
    expect(new AwsFault('retryable', REQUEST, sdkError('SlowDown', 503)).message).toContain('tried once')
  })

  it('carries nothing of the exchange, which has signed headers', () => {
    const cause = Object.assign(sdkError('AccessDenied', 403), {
      $response: { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=AKIA' } },
    })
    const fault = new AwsFault('permission', REQUEST, cause)
    expect(inspect(fault, { depth: 10 })).not.toContain('AKIA')
    expect(fault.cause).toMatchObject({ name: 'AccessDenied', message: 'said so' })
  })
})
