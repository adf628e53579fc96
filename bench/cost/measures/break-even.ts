import type { Table } from '../../harness/benchmark.ts'
import { WATCHED } from '../bill/assumptions.ts'
import { breakEvenPerSecond, standingOfMonth } from '../bill/bill.ts'
import { PRICES } from '../bill/prices.ts'
import { describe } from './loads.ts'
import { usdPerMillion, type LoadCost } from './throughput-cost.ts'

/** At which steady rate a month costs what the smallest job of managed Flink does. */
export function breakEven(costs: readonly LoadCost[]): Table {
  const { polling, alarms, metrics } = standingOfMonth()
  const fixedUsd = polling + alarms + metrics
  const rate = (perMillionUsd: number): number =>
    Math.round(breakEvenPerSecond(perMillionUsd / 1e6, fixedUsd))
  return {
    title: `Break-even with managed Flink’s smallest job, ${PRICES.managedFlinkMonthUsd.toFixed(0)} USD a month`,
    columns: ['at the costs of', 'engine alone, events/s', 'with ingest, events/s'],
    rows: costs.map((cost) => {
      const { engine, ingest } = usdPerMillion(cost)
      return [describe(cost.load), rate(engine), rate(engine + ingest)]
    }),
    notes: [
      `events a second, day and night; a month of polling (${polling.toFixed(2)} USD), ${WATCHED.alarms} alarms (${alarms.toFixed(2)}) and ${WATCHED.metrics} metrics (${metrics.toFixed(2)}) is paid first. A row holds near the rate that it was measured at`,
      'managed Flink is fed by a stream that costs, too: compare it with the engine alone',
      'storage, logs and data transfer are in neither',
    ],
  }
}
