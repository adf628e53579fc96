import type { AwsUnits } from '../../../test/world/call-ledger.ts'
import { ASSUMPTIONS, POLLED_QUEUES, WATCHED } from './assumptions.ts'
import { PRICES, SECONDS_PER_MONTH } from './prices.ts'

/** What AWS bills of a piece of work. */
export interface Usage extends AwsUnits {
  readonly lambdaRequests: number
  readonly lambdaGbSeconds: number
}

export const NO_USAGE: Usage = {
  fifoRequests: 0,
  standardRequests: 0,
  writeUnits: 0,
  readUnits: 0,
  s3Puts: 0,
  s3Gets: 0,
  lambdaRequests: 0,
  lambdaGbSeconds: 0,
}

const FIELDS = Object.keys(NO_USAGE) as (keyof Usage)[]

export function addUsage(a: Usage, b: Partial<Usage>): Usage {
  return mapUsage((field) => a[field] + (b[field] ?? 0))
}

export function scaleUsage(usage: Usage, factor: number): Usage {
  return mapUsage((field) => usage[field] * factor)
}

/** By service. */
export interface Bill {
  readonly sqs: number
  readonly dynamodb: number
  readonly s3: number
  readonly lambda: number
  readonly total: number
}

/** At list prices, in US dollars. */
export function billOf(usage: Usage): Bill {
  const sqs = usage.fifoRequests * PRICES.fifoRequestUsd + usage.standardRequests * PRICES.standardRequestUsd
  const dynamodb = usage.writeUnits * PRICES.writeUnitUsd + usage.readUnits * PRICES.readUnitUsd
  const s3 = usage.s3Puts * PRICES.s3PutUsd + usage.s3Gets * PRICES.s3GetUsd
  const lambda =
    usage.lambdaRequests * PRICES.lambdaRequestUsd + usage.lambdaGbSeconds * PRICES.lambdaGbSecondUsd
  return { sqs, dynamodb, s3, lambda, total: sqs + dynamodb + s3 + lambda }
}

/**
 * What one invocation is billed for, in GB-seconds: what it waited for, one request after the other, and its processor
 * time, of which a small function gets a part of a processor. Begun milliseconds count.
 */
export function gbSecondsOf(waitedMs: number, cpuMs: number): number {
  const { memoryMb, wholeCpuMb, cpuFactor } = ASSUMPTIONS
  const slowness = Math.max(1, wholeCpuMb / memoryMb) * cpuFactor
  return (Math.ceil(waitedMs + cpuMs * slowness) / 1000) * (memoryMb / 1024)
}

/** What Lambda's pollers ask of the queues of a quiet job. */
export function pollingOf(seconds: number): Usage {
  const receives = (ASSUMPTIONS.pollersPerQueue / ASSUMPTIONS.longPollSec) * seconds
  return {
    ...NO_USAGE,
    fifoRequests: receives * POLLED_QUEUES.fifo,
    standardRequests: receives * POLLED_QUEUES.standard,
  }
}

/** What the standard job costs in a month beside its events, in US dollars. */
export interface Standing {
  readonly polling: number
  readonly alarms: number
  /** Of a job that has events in every hour. An idle one publishes none. */
  readonly metrics: number
}

export function standingOfMonth(): Standing {
  return {
    polling: billOf(pollingOf(SECONDS_PER_MONTH)).total,
    alarms: WATCHED.alarms * PRICES.alarmMonthUsd,
    metrics: WATCHED.metrics * PRICES.metricMonthUsd,
  }
}

/**
 * Events a second, day and night, at which a month costs as much as `alwaysOnUsd`: what is billed whether events come or
 * not, and what each event costs. 0: it costs more even with no events.
 */
export function breakEvenPerSecond(
  perEventUsd: number,
  fixedMonthUsd: number,
  alwaysOnUsd: number = PRICES.managedFlinkMonthUsd,
): number {
  return Math.max(0, alwaysOnUsd - fixedMonthUsd) / (perEventUsd * SECONDS_PER_MONTH)
}

function mapUsage(valueOf: (field: keyof Usage) => number): Usage {
  return Object.fromEntries(FIELDS.map((field) => [field, valueOf(field)])) as unknown as Usage
}
