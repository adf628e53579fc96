import { describe, expect, test } from 'vitest'
import { ASSUMPTIONS, latencyOf } from '../../bench/cost/bill/assumptions.ts'
import {
  addUsage,
  billOf,
  breakEvenPerSecond,
  gbSecondsOf,
  NO_USAGE,
  pollingOf,
  scaleUsage,
  standingOfMonth,
} from '../../bench/cost/bill/bill.ts'
import { changedKeys } from '../../bench/cost/bill/changed-keys.ts'
import { PRICES, SECONDS_PER_MONTH } from '../../bench/cost/bill/prices.ts'
import { ownCalls } from '../../bench/cost/measures/measure.ts'
import { flat } from '../../bench/cost/measures/state-size.ts'
import { recommendedParallelism } from '../../bench/cost/measures/throughput-cost.ts'
import { keysOf, type Distribution } from '../../bench/cost/platform/keys.ts'
import { sequentialTrips, type TracedCall } from '../../bench/cost/platform/trace.ts'
import { isMet } from '../../bench/harness/benchmark.ts'
import { SeededRandom } from '../../lib/testing/seeded-random.ts'

describe('a bill', () => {
  test('is what AWS lists for a million of each', () => {
    const million = { ...NO_USAGE, fifoRequests: 1e6, standardRequests: 1e6, writeUnits: 1e6, readUnits: 1e6 }
    const bill = billOf({ ...million, s3Puts: 1e3, s3Gets: 1e3, lambdaRequests: 1e6, lambdaGbSeconds: 1e6 })
    expect(bill.sqs).toBeCloseTo(0.9, 6)
    expect(bill.dynamodb).toBeCloseTo(0.75, 6)
    expect(bill.s3).toBeCloseTo(0.0054, 6)
    expect(bill.lambda).toBeCloseTo(0.2 + 13.3334, 6)
    expect(bill.total).toBeCloseTo(0.9 + 0.75 + 0.0054 + 0.2 + 13.3334, 6)
  })

  test('of parts is the sum of their bills, and grows with what is used', () => {
    const some = { ...NO_USAGE, fifoRequests: 3, writeUnits: 5, lambdaGbSeconds: 0.25 }
    const sum = addUsage(some, { writeUnits: 2, s3Gets: 1 })
    expect(sum).toEqual({ ...some, writeUnits: 7, s3Gets: 1 })
    expect(billOf(scaleUsage(sum, 10)).total).toBeCloseTo(10 * billOf(sum).total, 12)
    expect(billOf(NO_USAGE).total).toBe(0)
  })

  test('of an invocation counts begun milliseconds, and processor time by the part of a processor that it has', () => {
    const { memoryMb, wholeCpuMb } = ASSUMPTIONS
    expect(gbSecondsOf(24, 0)).toBeCloseTo((0.024 * memoryMb) / 1024, 9)
    expect(gbSecondsOf(24.1, 0)).toBeCloseTo((0.025 * memoryMb) / 1024, 9)
    expect(gbSecondsOf(0, 100)).toBeCloseTo(
      (Math.ceil((100 * wholeCpuMb) / memoryMb) / 1000) * (memoryMb / 1024),
      9,
    )
  })

  test('of polling is five polls of twenty seconds on each of five queues', () => {
    expect(pollingOf(3600)).toEqual({ ...NO_USAGE, fifoRequests: 3600, standardRequests: 900 })
  })
})

describe('a month of the standard job', () => {
  test('is polled for, watched by eleven alarms, and, while events come, told in fourteen metrics', () => {
    const { polling, alarms, metrics } = standingOfMonth()
    expect([polling, alarms, metrics].map((usd) => usd.toFixed(2))).toEqual(['1.58', '1.10', '4.20'])
  })
})

describe('break-even', () => {
  test('is where a month of events and what stands beside them costs what the cluster does', () => {
    const perSecond = breakEvenPerSecond(1e-7, 1.5, 161.5)
    expect(perSecond * SECONDS_PER_MONTH * 1e-7 + 1.5).toBeCloseTo(161.5, 6)
  })

  test('is nowhere where what stands beside events costs more', () => {
    expect(breakEvenPerSecond(1e-7, 200, 160)).toBe(0)
  })

  test('is with two units of managed Flink, always', () => {
    expect(PRICES.managedFlinkMonthUsd).toBeCloseTo(160.6, 6)
  })
})

function drawn(distribution: Distribution, count: number): number[] {
  const next = keysOf(distribution, 1_000, new SeededRandom(1))
  return Array.from({ length: count }, next)
}

describe('keys', () => {
  test.each(['zipf', 'uniform'] as const)('%s ones are all in range', (distribution) => {
    const keys = drawn(distribution, 20_000)
    expect(Math.min(...keys)).toBe(0)
    expect(Math.max(...keys)).toBeLessThan(1_000)
    expect(keys.every((key) => Number.isInteger(key))).toBe(true)
  })

  test('by Zipf’s law come by one over their rank', () => {
    const keys = drawn('zipf', 200_000)
    const count = (key: number): number => keys.filter((one) => one === key).length
    expect(count(0) / count(1)).toBeCloseTo(2, 0)
    expect(count(0) / count(9)).toBeGreaterThan(8)
    expect(count(0) / count(9)).toBeLessThan(12)
  })

  test.each(['zipf', 'uniform'] as const)('%s: as many change as are expected to', (distribution) => {
    const changed = new Set(drawn(distribution, 2_000)).size
    const expected = changedKeys(distribution, 1_000, 2_000)
    expect(Math.abs(changed - expected)).toBeLessThan(40)
    expect(changedKeys(distribution, 1_000, 1e9)).toBeCloseTo(1_000, 3)
  })
})

function call(beganMs: number, endedMs: number): TracedCall {
  return { port: 'mailbox', name: 'send', beganMs, endedMs }
}

describe('trips', () => {
  test('are requests one after the other', () => {
    expect(sequentialTrips([])).toBe(0)
    expect(sequentialTrips([call(0, 5), call(5, 12), call(12, 24)])).toBe(3)
  })

  test('that go on at the same time are one', () => {
    expect(sequentialTrips([call(0, 5), call(0, 8), call(8, 12)])).toBe(2)
    expect(sequentialTrips([call(0, 8), call(0, 5), call(5, 13), call(13, 14)])).toBe(3)
  })
})

test('parallelism follows the rate, or the keys whose rows are to stay in memory', () => {
  expect(recommendedParallelism(1_000, 100)).toBe(1)
  expect(recommendedParallelism(100_000, 1_000)).toBe(2)
  expect(recommendedParallelism(100_001, 1_000)).toBe(3)
  expect(recommendedParallelism(1_000, 100_000)).toBe(8)
})

test('what pollers ask is not a call of ours', () => {
  const counts = [
    { name: 'send', calls: 3 },
    { name: 'receive', calls: 5 },
    { name: 'delete', calls: 7 },
  ]
  expect(ownCalls(counts)).toBe(3)
})

test('calls are flat when the most are hardly more than the fewest', () => {
  expect(isMet(flat('calls', [75, 75, 80]))).toBe(true)
  expect(isMet(flat('calls', [75, 100, 80]))).toBe(false)
})

test('every request has a latency; one that nobody thought of is a mistake', () => {
  expect(latencyOf('blobs', 'put')).toBe(35)
  expect(latencyOf('row-store', 'write-row')).toBe(8)
  expect(() => latencyOf('turn-log', 'guess')).toThrow('turn-log.guess')
})
