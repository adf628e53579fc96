/** What AWS asks, in US dollars, us-east-1, on demand, beyond any free tier. List prices as of November 2026. */
export const PRICES = {
  /** Requests to FIFO queues, each 64 KB of payload; the first 100 billion a month. https://aws.amazon.com/sqs/pricing/ */
  fifoRequestUsd: 0.5e-6,
  /** The same, standard queues. https://aws.amazon.com/sqs/pricing/ */
  standardRequestUsd: 0.4e-6,
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ */
  writeUnitUsd: 0.625e-6,
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ */
  readUnitUsd: 0.125e-6,
  /** PUT and LIST, S3 Standard; DELETE is free. https://aws.amazon.com/s3/pricing/ */
  s3PutUsd: 5e-6,
  /** GET, S3 Standard. https://aws.amazon.com/s3/pricing/ */
  s3GetUsd: 0.4e-6,
  /** https://aws.amazon.com/lambda/pricing/ */
  lambdaRequestUsd: 0.2e-6,
  /** Arm, the first tier. https://aws.amazon.com/lambda/pricing/ */
  lambdaGbSecondUsd: 13.3334e-6,
  /** One alarm on one metric, standard resolution, a month; ten of an account are free. https://aws.amazon.com/cloudwatch/pricing/ */
  alarmMonthUsd: 0.1,
  /** One metric of one's own, a month, by the hours in which it is published; ten of an account are free. As above. */
  metricMonthUsd: 0.3,
  /** The smallest application: one KPU and one for orchestration, always. https://aws.amazon.com/managed-service-apache-flink/pricing/ */
  managedFlinkMonthUsd: 2 * 0.11 * 730,
} as const

/** As prices are quoted. */
export const SECONDS_PER_MONTH: number = 730 * 3600
