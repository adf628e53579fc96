import { assert } from '../model/faults.ts'
import { MESSAGE_BYTES_MAX } from '../ports/mailbox.ts'
import { LOG_BODY_BYTES_MAX } from '../ports/turn-log.ts'

/**
 * What AWS allows, with the page of its documentation that said so in November 2026. Sizes are bytes of UTF-8 where they
 * are of text.
 */
export const AWS_LIMITS: {
  readonly sqsMessageBytes: number
  readonly sqsBatchBytes: number
  readonly sqsBatchEntries: number
  readonly sqsDelaySec: number
  readonly sqsIdChars: number
  readonly dynamoItemBytes: number
  readonly dynamoPartitionKeyBytes: number
  readonly dynamoSortKeyBytes: number
  readonly dynamoBatchGetKeys: number
  readonly dynamoBatchWriteItems: number
  readonly s3KeyBytes: number
  readonly s3ListKeys: number
  readonly emfMetrics: number
  readonly emfValues: number
} = {
  /** One message, with its attributes. SQS, API_SendMessage. */
  sqsMessageBytes: 1_048_576,
  /** All messages of one SendMessageBatch together. SQS, API_SendMessageBatch. */
  sqsBatchBytes: 1_048_576,
  /** SQS, API_SendMessageBatch. */
  sqsBatchEntries: 10,
  /** DelaySeconds of one message of a standard queue. SQS, API_SendMessage. */
  sqsDelaySec: 900,
  /** MessageGroupId and MessageDeduplicationId: letters, digits and ASCII punctuation. SQS, API_SendMessage. */
  sqsIdChars: 128,
  /** Names and values of all attributes. DynamoDB developer guide, “Constraints in Amazon DynamoDB”. */
  dynamoItemBytes: 409_600,
  /** As above. */
  dynamoPartitionKeyBytes: 2_048,
  /** As above. */
  dynamoSortKeyBytes: 1_024,
  /** DynamoDB, API_BatchGetItem; 16 MB as well, and what goes beyond comes back as UnprocessedKeys. */
  dynamoBatchGetKeys: 100,
  /** DynamoDB, API_BatchWriteItem. */
  dynamoBatchWriteItems: 25,
  /** S3 user guide, “Naming Amazon S3 objects”. */
  s3KeyBytes: 1_024,
  /** In one answer. S3, API_ListObjectsV2. */
  s3ListKeys: 1_000,
  /** Metrics of one log line. CloudWatch user guide, “Specification: Embedded metric format”. */
  emfMetrics: 100,
  /** Values of one metric of one log line. As above. */
  emfValues: 100,
}

/** A row key, in UTF-8: the port allows 20 kB of text, and a code unit takes three bytes at most. */
const ROW_KEY_BYTES_MAX = 60_000

/** Names and numbers of the other attributes of an item. */
const ATTRIBUTE_BYTES_MAX = 1_000

/** A payload up to this is kept in its row; a larger one becomes an object that the row names. */
export const INLINE_PAYLOAD_BYTES_MAX = 340_000

/** Of a row key, what its sort key keeps when the whole does not fit; a digest follows, to tell such keys apart. */
export const SORT_TEXT_BYTES_MAX = 900

/** A time, a digest in hexadecimal, and marks between them. */
const SORT_DECORATION_BYTES = 16 + 64 + 16

assert(
  INLINE_PAYLOAD_BYTES_MAX +
    ROW_KEY_BYTES_MAX +
    AWS_LIMITS.dynamoPartitionKeyBytes +
    AWS_LIMITS.dynamoSortKeyBytes +
    ATTRIBUTE_BYTES_MAX <=
    AWS_LIMITS.dynamoItemBytes,
  'a row with the longest key and the largest inline payload is an item',
)
assert(
  LOG_BODY_BYTES_MAX +
    AWS_LIMITS.dynamoPartitionKeyBytes +
    AWS_LIMITS.dynamoSortKeyBytes +
    ATTRIBUTE_BYTES_MAX <=
    AWS_LIMITS.dynamoItemBytes,
  'a log entry with the longest key and the largest body is an item',
)
assert(
  SORT_TEXT_BYTES_MAX + SORT_DECORATION_BYTES <= AWS_LIMITS.dynamoSortKeyBytes,
  'a shortened row key fits a sort key, also after a time',
)
assert(
  4 * Math.ceil(MESSAGE_BYTES_MAX / 3) <= AWS_LIMITS.sqsMessageBytes,
  'the largest message fits one of SQS as base64',
)
