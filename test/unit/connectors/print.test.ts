import { expect, test } from 'vitest'
import { print, type PrintOptions } from '../../../lib/connectors/index.ts'
import { sinkContext } from './sink-context.ts'

function printed(options: PrintOptions<unknown>, values: readonly unknown[], parallelism = 1): string[] {
  const writes: string[] = []
  const write = (text: string): void => void writes.push(text)
  const writer = print({ write, ...options }).createWriter(
    sinkContext({ parallelism, subtaskIndex: parallelism - 1 }),
  )
  void writer.write(values, [])
  return writes
}

test('a batch is one write of a line each', () => {
  expect(printed({}, ['a', 1, { b: [1, 2] }, new Map([['k', 2n]]), undefined])).toEqual([
    "a\n1\n{ b: [ 1, 2 ] }\nMap(1) { 'k' => 2n }\nundefined\n",
  ])
})

test('prefix and subtask are shown as by Flink', () => {
  expect(printed({}, ['v'], 3)).toEqual(['3> v\n'])
  expect(printed({ prefix: 'p' }, ['v'], 3)).toEqual(['p:3> v\n'])
  expect(printed({ prefix: 'p' }, ['v'])).toEqual(['p> v\n'])
})

test('a format of its own', () => {
  expect(printed({ format: JSON.stringify }, [{ a: 1 }])).toEqual(['{"a":1}\n'])
})
