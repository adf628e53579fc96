import type {
  BatchGetItemCommandInput,
  BatchGetItemCommandOutput,
  BatchWriteItemCommandInput,
  BatchWriteItemCommandOutput,
  DeleteItemCommandInput,
  DeleteItemCommandOutput,
  GetItemCommandInput,
  GetItemCommandOutput,
  PutItemCommandInput,
  PutItemCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
} from '@aws-sdk/client-dynamodb'
import type {
  DisableRuleCommandInput,
  DisableRuleCommandOutput,
  EnableRuleCommandInput,
  EnableRuleCommandOutput,
} from '@aws-sdk/client-eventbridge'
import type {
  DeleteObjectCommandInput,
  DeleteObjectCommandOutput,
  GetObjectCommandInput,
  GetObjectCommandOutput,
  ListObjectsV2CommandInput,
  ListObjectsV2CommandOutput,
  PutObjectCommandInput,
  PutObjectCommandOutput,
} from '@aws-sdk/client-s3'
import type {
  GetQueueAttributesCommandInput,
  GetQueueAttributesCommandOutput,
  GetQueueUrlCommandInput,
  GetQueueUrlCommandOutput,
  SendMessageBatchCommandInput,
  SendMessageBatchCommandOutput,
  SendMessageCommandInput,
  SendMessageCommandOutput,
} from '@aws-sdk/client-sqs'

// Every request that Millrace makes of AWS is one of these. They are types, so what uses them loads no SDK.

export interface DynamoRequests {
  getItem(input: GetItemCommandInput): Promise<GetItemCommandOutput>
  putItem(input: PutItemCommandInput): Promise<PutItemCommandOutput>
  deleteItem(input: DeleteItemCommandInput): Promise<DeleteItemCommandOutput>
  query(input: QueryCommandInput): Promise<QueryCommandOutput>
  batchGetItem(input: BatchGetItemCommandInput): Promise<BatchGetItemCommandOutput>
  batchWriteItem(input: BatchWriteItemCommandInput): Promise<BatchWriteItemCommandOutput>
}

export interface SqsRequests {
  sendMessage(input: SendMessageCommandInput): Promise<SendMessageCommandOutput>
  sendMessageBatch(input: SendMessageBatchCommandInput): Promise<SendMessageBatchCommandOutput>
  getQueueAttributes(input: GetQueueAttributesCommandInput): Promise<GetQueueAttributesCommandOutput>
  getQueueUrl(input: GetQueueUrlCommandInput): Promise<GetQueueUrlCommandOutput>
}

export interface S3Requests {
  putObject(input: PutObjectCommandInput): Promise<PutObjectCommandOutput>
  getObject(input: GetObjectCommandInput): Promise<GetObjectCommandOutput>
  deleteObject(input: DeleteObjectCommandInput): Promise<DeleteObjectCommandOutput>
  listObjectsV2(input: ListObjectsV2CommandInput): Promise<ListObjectsV2CommandOutput>
}

export interface EventBridgeRequests {
  enableRule(input: EnableRuleCommandInput): Promise<EnableRuleCommandOutput>
  disableRule(input: DisableRuleCommandInput): Promise<DisableRuleCommandOutput>
}

export interface AwsServices {
  readonly dynamo: DynamoRequests
  readonly sqs: SqsRequests
  readonly s3: S3Requests
  readonly events: EventBridgeRequests
}
