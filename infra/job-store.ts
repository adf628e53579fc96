import { Duration, type RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'

import { LIFETIMES_DAYS, LIFETIME_TAG } from '../lib/aws/object-lifetimes.ts'
import { INFRA_LIMITS } from './limits.ts'
import { excuse } from './nag.ts'

export interface JobStoreProps {
  readonly removalPolicy: RemovalPolicy
  readonly encryptionKey: IKey | undefined
  readonly pointInTimeRecovery: boolean
}

/** Where a job's state is: turn logs, heads and rows in a table; checkpoints, savepoints and what is large in a bucket. */
export class JobStore extends Construct {
  readonly table: Table
  readonly bucket: Bucket

  constructor(
    scope: Construct,
    id: string,
    { removalPolicy, encryptionKey, pointInTimeRecovery }: JobStoreProps,
  ) {
    super(scope, id)
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'ttl',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: pointInTimeRecovery },
      // DynamoDB encrypts always; without a key, by one that AWS owns, whose use costs nothing.
      ...(encryptionKey === undefined
        ? { encryption: TableEncryption.DEFAULT }
        : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
      removalPolicy,
    })
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      ...(encryptionKey === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }),
      // No object is ever written twice under one name, and what is deleted nothing refers to: old versions would only
      // be paid for.
      versioned: false,
      lifecycleRules: [
        { id: 'incomplete-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        {
          id: 'spilled-log-entries',
          prefix: 'log/',
          expiration: Duration.days(INFRA_LIMITS.spillRetentionDays),
        },
        // Of rows that have expired: the table removes those, and nobody hears of it.
        ...LIFETIMES_DAYS.map((days) => ({
          id: `rows-${days}-days`,
          prefix: 'rows/',
          tagFilters: { [LIFETIME_TAG]: String(days) },
          expiration: Duration.days(days),
        })),
      ],
      removalPolicy,
    })
    excuse(
      this.bucket,
      'AwsSolutions-S1',
      "Only this job's functions read and write the bucket, many times a second; a log of it would need a second bucket " +
        'and cost more than the job. CloudTrail data events are there for who wants them.',
    )
    if (!pointInTimeRecovery) {
      excuse(
        this.table,
        'AwsSolutions-DDB3',
        'Point-in-time recovery was switched off by a property of the construct.',
      )
    }
  }
}
