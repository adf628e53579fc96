import { createHash } from 'node:crypto'
import { Fn, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** Room for what is put before and after it in the names of queues, 80 characters at most. */
const SLUG_CHARS_MAX = 40
/** As above: what is left of the 80 for a chain. */
const CHAIN_SLUG_CHARS_MAX = 12
/** Tells apart chains whose names begin alike. */
const CHAIN_DIGEST_CHARS = 6

/** A job's name as names of AWS resources may have it: letters, digits and hyphens. */
export function resourceSlug(jobName: string): string {
  const slug = jobName
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .slice(0, SLUG_CHARS_MAX)
    .replaceAll(/^-+|-+$/g, '')
  return slug === '' ? 'job' : slug
}

/**
 * A name that no other resource has: the job's, what it is for, and part of the stack's id. That id is a new one when a
 * stack is made again, so what an earlier one left behind is not in its way.
 */
export function resourceName(scope: Construct, jobName: string, purpose: string): string {
  const stackUuid = Fn.select(2, Fn.split('/', Stack.of(scope).stackId))
  return `${resourceSlug(jobName)}-${purpose}-${Fn.select(0, Fn.split('-', stackUuid))}`
}

/** What a chain's own queue is for, as its name says it: the same whatever other chains there are. */
export function chainPurpose(chain: string): string {
  const digest = createHash('sha256').update(chain).digest('hex').slice(0, CHAIN_DIGEST_CHARS)
  const slug = resourceSlug(chain).slice(0, CHAIN_SLUG_CHARS_MAX).replace(/-$/, '')
  return `chain-${slug}-${digest}`
}
