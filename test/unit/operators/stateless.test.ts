import { describe, expect, test } from 'vitest'
import type { DataStream } from '../../../lib/index.ts'
import { OperatorFault } from '../../../lib/model/faults.ts'
import { testHarness } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

describe('map', () => {
  test('one record for each, with its timestamp', async () => {
    const harness = await testHarness((numbers: DataStream<number>) => numbers.map((n) => `${n}!`))
    await harness.push(1, 10)
    await harness.push(2)
    expect(harness.outputWithTimestamps()).toEqual([
      { value: '1!', timestamp: 10 },
      { value: '2!', timestamp: undefined },
    ])
  })

  test('undefined is a record as any other', async () => {
    const harness = await testHarness((numbers: DataStream<number>) => numbers.map(() => undefined))
    await harness.push(1)
    expect(harness.output()).toEqual([undefined])
  })
})

describe('flatMap', () => {
  test('any number of records, in order, with the timestamp of the one they come from', async () => {
    const harness = await testHarness((lines: DataStream<string>) => lines.flatMap((line) => line.split(' ')))
    await harness.push('to be', 7)
    expect(harness.outputWithTimestamps()).toEqual([
      { value: 'to', timestamp: 7 },
      { value: 'be', timestamp: 7 },
    ])
  })

  test.for<[string, (n: number) => Iterable<number>]>([
    ['array', (n) => [n, n]],
    ['empty array', () => []],
    ['set', (n) => new Set([n, n + 1])],
    [
      'generator',
      function* (n) {
        yield n
        yield* [n + 1, n + 2]
      },
    ],
  ])('takes any iterable: %s', async ([, fn]) => {
    const harness = await testHarness((numbers: DataStream<number>) => numbers.flatMap(fn))
    await harness.push(1)
    expect(harness.output()).toEqual([...fn(1)])
  })

  test('a generator that throws half-way is a fault, as is what is not iterable', async () => {
    const halfWay = await testHarness((numbers: DataStream<number>) =>
      numbers.flatMap(
        function* (n) {
          yield n
          throw new Error('half-way')
        },
        { uid: 'split' },
      ),
    )
    expect(await faultOf(halfWay.push(1, 5))).toMatchObject({
      origin: { operatorUid: 'split', timestampMs: 5 },
      message: 'split (split), subtask 0: half-way',
    })
    const nothing = await testHarness((numbers: DataStream<number>) =>
      numbers.flatMap((n) => n as unknown as number[], { uid: 'split' }),
    )
    await expect(nothing.push(1)).rejects.toThrow(OperatorFault)
  })
})

describe('filter', () => {
  test('passes what the predicate holds for', async () => {
    const harness = await testHarness((numbers: DataStream<number>) => numbers.filter((n) => n % 2 === 0))
    await harness.pushAll([1, 2, 3, 4], (n) => n)
    expect(harness.outputWithTimestamps()).toEqual([
      { value: 2, timestamp: 2 },
      { value: 4, timestamp: 4 },
    ])
  })
})

const boom = (): never => {
  throw new TypeError('boom')
}

describe('faults', () => {
  test.for<[string, (numbers: DataStream<number>) => DataStream<unknown>]>([
    ['map', (numbers) => numbers.map(boom, { uid: 'op', name: 'Op' })],
    ['flatMap', (numbers) => numbers.flatMap(boom, { uid: 'op', name: 'Op' })],
    ['filter', (numbers) => numbers.filter(boom, { uid: 'op', name: 'Op' })],
    ['process', (numbers) => numbers.process('op', { processElement: boom }, { name: 'Op' })],
  ])('of %s name the operator and keep the cause', async ([, build]) => {
    const harness = await testHarness(build)
    const fault = await faultOf(harness.push(1, 42))
    expect(fault).toMatchObject({
      kind: 'fatal',
      message: 'Op (op), subtask 0: boom',
      origin: { operatorUid: 'op', operatorName: 'Op', subtaskIndex: 0, key: undefined, timestampMs: 42 },
    })
    expect(fault.cause).toBeInstanceOf(TypeError)
    await expect(harness.push(2)).rejects.toThrow(
      "This harness does nothing any more: it failed with 'Op (op)",
    )
  })

  test('of an operator further down keep its name', async () => {
    const harness = await testHarness((numbers: DataStream<number>) =>
      numbers
        .map((n) => n, { uid: 'up' })
        .flatMap((n) => [n], { uid: 'middle' })
        .filter(boom, { uid: 'down' }),
    )
    expect(await faultOf(harness.push(1))).toMatchObject({ origin: { operatorUid: 'down' } })
  })

  test.for(['open', 'initializeState', 'snapshotState'] as const)(
    'of %s name the operator as well',
    async (hook) => {
      const started = testHarness((numbers: DataStream<number>) =>
        numbers.process<number>('op', { processElement() {}, [hook]: boom }),
      )
      const failing = hook === 'snapshotState' ? started.then((harness) => harness.barrier()) : started
      expect(await faultOf(failing)).toMatchObject({ message: 'op (op), subtask 0: boom' })
    },
  )
})
