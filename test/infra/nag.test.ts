import { Aspects } from 'aws-cdk-lib'
import { Annotations, Match } from 'aws-cdk-lib/assertions'
import { CfnBucket } from 'aws-cdk-lib/aws-s3'
import { AwsSolutionsChecks } from 'cdk-nag'
import { describe, expect, test } from 'vitest'

import { jobWithEverything } from './jobs.ts'
import { permissionsOf, synthesise } from './synth.ts'

describe('cdk-nag, with the rules of AWS Solutions', () => {
  const { stack, template } = synthesise({ job: jobWithEverything(), chains: { sum: {} }, httpAuth: 'none' })
  Aspects.of(stack).add(new AwsSolutionsChecks())

  test.each(['findError', 'findWarning'] as const)('has nothing to say: %s', (find) => {
    const found = Annotations.fromStack(stack)[find]('*', Match.stringLikeRegexp('AwsSolutions-'))
    expect(found.map(({ id, entry }) => `${id}: ${JSON.stringify(entry.data)}`)).toEqual([])
  })

  test('is asked at all: without an excuse it has something to say', () => {
    const other = synthesise({ job: jobWithEverything() }).stack
    for (const bucket of other.node.findAll().filter((construct) => construct instanceof CfnBucket)) {
      bucket.addMetadata('cdk_nag', {})
    }
    Aspects.of(other).add(new AwsSolutionsChecks())
    const found = Annotations.fromStack(other).findError('*', Match.stringLikeRegexp('AwsSolutions-'))
    expect(found.map(({ entry }) => JSON.stringify(entry.data))).toEqual([
      expect.stringContaining('AwsSolutions-S1'),
    ])
  })

  test('is silenced for two rules alone, each time with a reason', () => {
    const excuses = Object.entries(template.toJSON().Resources as Record<string, Suppressed>).flatMap(
      ([, { Type, Metadata }]) =>
        (Metadata?.cdk_nag?.rules_to_suppress ?? []).map(({ id, reason }) => ({
          excuse: `${id} of ${Type}`,
          reason,
        })),
    )
    expect([...new Set(excuses.map(({ excuse }) => excuse))].toSorted()).toEqual([
      'AwsSolutions-IAM5 of AWS::IAM::Policy',
      'AwsSolutions-S1 of AWS::S3::Bucket',
    ])
    for (const { reason } of excuses) expect(reason.length).toBeGreaterThan(40)
  })

  test.each([
    ['Operator', /^Any object of the bucket/],
    ['Coordinator', /^Any object of the bucket/],
    ['Ingest', /^Objects of one bucket, under the prefixes/],
    ['DeadLetter', /^Objects of one bucket, under the prefixes/],
  ])('the reason of %s is true', (name, reason) => {
    const everything = permissionsOf({ template }, name).some((line) => line.endsWith('on StoreBucket/*'))
    expect(everything).toBe(reason.source.startsWith('^Any'))
    const [policy] = Object.entries(template.toJSON().Resources as Record<string, Suppressed>).filter(
      ([id]) => id.startsWith(`Job${name}RoleDefaultPolicy`),
    )
    expect(policy![1].Metadata?.cdk_nag?.rules_to_suppress).toEqual([
      { id: 'AwsSolutions-IAM5', reason: expect.stringMatching(reason) },
    ])
  })
})

interface Suppressed {
  readonly Type: string
  readonly Metadata?: {
    readonly cdk_nag?: {
      readonly rules_to_suppress: readonly { readonly id: string; readonly reason: string }[]
    }
  }
}
