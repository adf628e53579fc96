import {
  collect,
  collectSink,
  sinkFunction,
  socketText,
  type DeadLetter,
  type RestartStrategy,
  type RunOptions,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import {
  parseReading,
  patient,
  sensorReadings,
  watchful,
  type SensorReading,
} from '../../../examples/sensor-readings.ts'
import { LineServer, Log, TestJob } from './support.ts'

const reading = (id: string): SensorReading => ({ id, timestamp: 1, temperature: 20 })

test('lines from a socket become readings; those that are none become dead letters with the reason', async () => {
  const server = await LineServer.listen()
  const socket = `127.0.0.1:${server.port}`
  const readings: SensorReading[] = []
  const rejected: DeadLetter[] = []
  const job = await TestJob.start(
    sensorReadings(
      socketText({ host: '127.0.0.1', port: server.port, parse: parseReading }),
      collect(readings),
      collect(rejected),
    ),
  )
  await server.connected(1)
  server.send(
    'sensor_1,1547718199,35.8',
    'sensor_2,1547718201',
    'sensor_3, 1547718202, warm',
    'sensor_6,1547718205,-5',
    '',
    'sensor_7,,6.7',
  )
  server.hangUp()

  expect((await job.handle.result).status).toBe('FINISHED')
  expect(readings.toSorted((a, b) => a.timestamp - b.timestamp)).toEqual([
    { id: 'sensor_1', timestamp: 1_547_718_199, temperature: 35.8 },
    { id: 'sensor_6', timestamp: 1_547_718_205, temperature: -5 },
  ])
  expect(rejected.toSorted((a, b) => a.position.localeCompare(b.position))).toEqual([
    {
      operatorUid: 'socket',
      position: `${socket}:2`,
      reason: 'Expected id,timestamp,temperature, got 2 fields',
      raw: 'sensor_2,1547718201',
    },
    {
      operatorUid: 'socket',
      position: `${socket}:3`,
      reason: "Expected a temperature, got 'warm'",
      raw: 'sensor_3, 1547718202, warm',
    },
    {
      operatorUid: 'socket',
      position: `${socket}:5`,
      reason: 'Expected id,timestamp,temperature, got 1 fields',
      raw: '',
    },
    {
      operatorUid: 'socket',
      position: `${socket}:6`,
      reason: "Expected a timestamp, got ''",
      raw: 'sensor_7,,6.7',
    },
  ])
})

/** A job whose sink throws at sensor `broken`. No checkpoints: the clock moves by minutes. */
async function fragileJob(restart: RestartStrategy, set: RunOptions['set'] = {}) {
  const log = new Log<SensorReading>()
  const sink = sinkFunction<SensorReading>({
    invoke({ id }) {
      if (id === 'broken') throw new Error('The sensor is broken')
    },
  })
  const job = await TestJob.start(sensorReadings(log.source, sink, collectSink(), restart), {
    set: { 'execution.checkpointing.interval': 'off', ...set },
  })
  await job.next('deployed')
  return { job, fail: () => log.once(reading('broken')) }
}

describe('the restart strategy', () => {
  const MINUTE_MS = 60_000

  test('fixed delay: three restarts, each 10 s after the failure; the fourth failure ends the job', async () => {
    const { job, fail } = await fragileJob(patient)
    for (let failure = 1; failure <= 3; failure++) {
      fail()
      expect(await job.restart()).toMatchObject({ delayMs: 10_000 })
    }
    fail()
    const { status, cause, restarts } = await job.handle.result
    expect({ status, restarts }).toEqual({ status: 'FAILED', restarts: 3 })
    expect(cause).toMatchObject({ message: 'The sensor is broken', operatorUid: 'readings' })
    expect(cause!.notRestartedBecause).toBe('fixed-delay: all 3 restarts are used up')
  })

  test('failure rate: restarts after 1 min; the third failure within 10 min ends the job', async () => {
    const { job, fail } = await fragileJob(watchful)
    fail() // at 0 min
    expect(await job.restart()).toMatchObject({ delayMs: MINUTE_MS })
    job.clock.advance(6 * MINUTE_MS)
    fail() // at 7 min
    await job.restart()
    job.clock.advance(6 * MINUTE_MS)
    fail() // at 14 min: the third, but not within 10 min
    await job.restart()
    job.clock.advance(MINUTE_MS)
    fail() // at 16 min: the third since 7 min
    const { status, cause, restarts } = await job.handle.result
    expect({ status, restarts }).toEqual({ status: 'FAILED', restarts: 3 })
    expect(cause!.notRestartedBecause).toBe('failure-rate: 3 failures within 10 min')
  })

  test('the command line chooses another one', async () => {
    const { job, fail } = await fragileJob(patient, { 'restart-strategy.type': 'none' })
    fail()
    expect(await job.handle.result).toMatchObject({ status: 'FAILED', restarts: 0 })
  })
})
