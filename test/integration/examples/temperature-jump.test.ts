import { collect, collection } from 'millrace'
import { expect, test } from 'vitest'
import type { SensorReading } from '../../../examples/sensor-readings.ts'
import { temperatureJump, type Alert } from '../../../examples/temperature-jump.ts'
import { TestJob } from './support.ts'

async function alertsOf(readings: readonly (readonly [string, number])[]) {
  const records = readings.map(([id, temperature], timestamp): SensorReading => ({
    id,
    timestamp,
    temperature,
  }))
  const alerts: Record<'process' | 'flatMap' | 'withState', Alert[]> = {
    process: [],
    flatMap: [],
    withState: [],
  }
  const job = await TestJob.start(
    temperatureJump(collection(records), {
      process: collect(alerts.process),
      flatMap: collect(alerts.flatMap),
      withState: collect(alerts.withState),
    }),
  )
  expect((await job.handle.result).status).toBe('FINISHED')
  return alerts
}

test('all three ways give the same alerts', async () => {
  const { process, flatMap, withState } = await alertsOf([
    ['sensor_1', 35],
    ['sensor_2', 15],
    ['sensor_1', 32],
    ['sensor_2', 26],
    ['sensor_1', 42],
    ['sensor_1', 52.5],
    ['sensor_2', 0],
    ['sensor_1', 42.5],
  ])
  expect(process).toEqual([
    { sensor: 'sensor_2', from: 15, to: 26 },
    { sensor: 'sensor_1', from: 42, to: 52.5 },
    { sensor: 'sensor_2', from: 26, to: 0 },
  ])
  expect(flatMap).toEqual(process)
  expect(withState).toEqual(process)
})

test('the first reading of a sensor gives no alert, however warm', async () => {
  const { process, flatMap, withState } = await alertsOf([
    ['sensor_1', 100],
    ['sensor_2', -100],
    ['sensor_3', 11],
  ])
  expect({ process, flatMap, withState }).toEqual({ process: [], flatMap: [], withState: [] })
})

test('a first reading of zero is one', async () => {
  const { process, flatMap, withState } = await alertsOf([
    ['sensor_1', 0],
    ['sensor_1', 11],
  ])
  const alerts = [{ sensor: 'sensor_1', from: 0, to: 11 }]
  expect({ process, flatMap, withState }).toEqual({ process: alerts, flatMap: alerts, withState: alerts })
})
