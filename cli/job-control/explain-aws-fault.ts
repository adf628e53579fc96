import type { AwsFault } from '../../lib/aws/aws-fault.ts'

/** What the user is to do about a request of AWS that failed. */
export function explainAwsFault(fault: AwsFault): string {
  const { cause } = fault
  const [name, message] = cause instanceof Error ? [cause.name, cause.message] : ['', '']
  if (name === 'CredentialsProviderError')
    return `Expected credentials of AWS, found none (${message}). Log in (aws sso login), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`
  if (/^(ExpiredToken|RequestExpired|TokenProviderError)/.test(name))
    return `The credentials of AWS have expired (${message}). Log in again`
  if (/region is missing/i.test(message))
    return 'Expected a region of AWS, found none: set AWS_REGION to the one that the job was deployed to'
  if (fault.problem === 'missing')
    return `${fault.message}. Look at the region, the account, and whether the job is still deployed`
  return fault.message
}
