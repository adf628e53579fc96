import { describe, expect, test } from 'vitest'
import { UserError } from '../../../lib/model/faults.ts'
import type { SourceStream } from '../../../lib/stream/data-stream.ts'
import { createEnvironment, type StreamEnvironment } from '../../../lib/stream/environment.ts'
import { defineJob, isJobDefinition } from '../../../lib/stream/job.ts'
import type { OperatorSpec, StreamNode } from '../../../lib/stream/operator-spec.ts'
import { sinkFunction } from '../../../lib/stream/sink.ts'
import { sourceFunction } from '../../../lib/stream/source.ts'
import { outputTag } from '../../../lib/stream/types.ts'
import { tumblingEventTimeWindows } from '../../../lib/stream/windows.ts'

interface Sale {
  readonly city: string
  readonly amount: number
  readonly id: number
}

const sales = sourceFunction<Sale>({ poll: () => 'end' })
const discard = sinkFunction<unknown>({ invoke() {} })

function build(fn: (stream: SourceStream<Sale>, env: StreamEnvironment) => void): readonly StreamNode[] {
  const { env, finish } = createEnvironment()
  fn(env.source('sales', sales), env)
  return finish().nodes
}

/** The records in turn, each reduced with those before it, as the `reduce` operator emits them. */
function rolling(spec: OperatorSpec, records: readonly Sale[]): readonly unknown[] {
  if (spec.type !== 'reduce') throw new Error(`expected a reduce, got ${spec.type}`)
  const { reduce } = spec
  let current: unknown
  return records.map((record, i) => (current = i === 0 ? record : reduce(current, record)))
}

describe('the graph', () => {
  test('holds operators in the order of building, with their inputs', () => {
    const nodes = build((stream) => {
      stream
        .map((s) => s.amount, {
          uid: 'amounts',
          name: 'Amounts',
          parallelism: 3,
          maxParallelism: 9,
          chaining: 'head',
          resources: { memoryMb: 512 },
        })
        .sinkTo('out', discard)
    })
    expect(nodes.map((node) => [node.id, node.uid, node.name, node.spec.type])).toEqual([
      [0, 'sales', 'sales', 'source'],
      [1, 'amounts', 'Amounts', 'map'],
      [2, 'out', 'out', 'sink'],
    ])
    expect(nodes[1]).toMatchObject({
      parallelism: 3,
      maxParallelism: 9,
      chaining: 'head',
      resources: { memoryMb: 512 },
      keySelector: undefined,
    })
    expect(nodes[2]).toMatchObject({
      parallelism: undefined,
      maxParallelism: undefined,
      chaining: 'always',
      resources: undefined,
    })
    expect(nodes[1]!.inputs).toEqual([
      { from: nodes[0], tagId: undefined, partitioning: 'default', inputIndex: 0 },
    ])
  })

  test('streams do not change: using one twice gives two operators', () => {
    const nodes = build((stream) => {
      const rebalanced = stream.rebalance()
      stream.map((s) => s)
      rebalanced.map((s) => s)
      stream
        .broadcast()
        .forward()
        .map((s) => s)
    })
    expect(nodes.slice(1).map((node) => node.inputs[0]!.partitioning)).toEqual([
      'default',
      'rebalance',
      'forward',
    ])
  })

  test('a union reads from all its streams', () => {
    const nodes = build((stream, env) => {
      const other = env.source('more', sales)
      stream
        .union(other, stream)
        .keyBy((s) => s.city)
        .sum('total', 'amount')
    })
    expect(nodes[2]!.inputs.map((edge) => [edge.from.uid, edge.partitioning])).toEqual([
      ['sales', 'hash'],
      ['more', 'hash'],
      ['sales', 'hash'],
    ])
    expect(nodes[2]!.keySelector!({ city: '北京' })).toBe('北京')
  })

  test('a stream of another job cannot join', () => {
    build((foreign) => {
      build((stream) => {
        expect(() => stream.union(foreign)).toThrow(UserError)
        expect(() => stream.union(foreign)).toThrow('expected streams of this job, got one of another job')
      })
    })
  })

  test('nothing can be added when the job is built', () => {
    let kept: SourceStream<Sale> | undefined
    build((stream) => {
      kept = stream
    })
    expect(() => kept!.map((s) => s)).toThrow("added after the job's function returned")
  })

  test('side outputs', () => {
    const tag = outputTag<string>('odd')
    const nodes = build((stream) => {
      const split = stream.process('split', { processElement() {} })
      split.getSideOutput(tag).sinkTo('odd', discard)
      stream.deadLetters.sinkTo('dead', discard)
      expect(() => split.getSideOutput(tag).getSideOutput(tag)).toThrow(
        'expected the output of one operator, got a side output',
      )
      expect(() => split.union(split).getSideOutput(tag)).toThrow(
        'expected the output of one operator, got a union',
      )
    })
    expect(nodes.slice(2).map((node) => [node.inputs[0]!.from.uid, node.inputs[0]!.tagId])).toEqual([
      ['split', 'odd'],
      ['sales', 'millrace.dead-letters'],
    ])
  })

  test('windows', () => {
    const late = outputTag<Sale>('late')
    const nodes = build((stream) => {
      const windows = stream.keyBy((s) => s.city).window(tumblingEventTimeWindows('10 s'))
      windows.process('all', (_key, _window, elements) => elements.length)
      windows.allowedLateness('1 min').sideOutputLateData(late).sum('sum', 'amount', { parallelism: 2 })
    })
    expect(nodes[1]!.spec).toMatchObject({
      allowedLatenessMs: 0,
      lateTagId: undefined,
      contents: { type: 'elements' },
    })
    expect(nodes[2]!.spec).toMatchObject({
      allowedLatenessMs: 60_000,
      lateTagId: 'late',
      contents: { type: 'reduce' },
    })
    expect(nodes[2]!.parallelism).toBe(2)
  })
})

describe('rolling aggregations', () => {
  const input: readonly Sale[] = Object.freeze(
    [
      { city: 'a', amount: 3, id: 1 },
      { city: 'a', amount: 1, id: 2 },
      { city: 'a', amount: 5, id: 3 },
      { city: 'a', amount: 1, id: 4 },
      { city: 'a', amount: 5, id: 5 },
    ].map((record) => Object.freeze(record)),
  )

  const specs = build((stream) => {
    const keyed = stream.keyBy((s) => s.city)
    keyed.sum('sum', 'amount')
    keyed.min('min', 'amount')
    keyed.max('max', 'amount')
    keyed.minBy('minBy', 'amount')
    keyed.maxBy('maxBy', 'amount')
    keyed.minBy('minByLast', 'amount', { first: false })
    keyed.maxBy('maxByLast', 'amount', { first: false })
  })

  test.each([
    ['sum', [3, 4, 9, 10, 15], [1, 1, 1, 1, 1]],
    ['min', [3, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    ['max', [3, 3, 5, 5, 5], [1, 1, 1, 1, 1]],
    ['minBy', [3, 1, 1, 1, 1], [1, 2, 2, 2, 2]],
    ['maxBy', [3, 3, 5, 5, 5], [1, 1, 3, 3, 3]],
    ['minByLast', [3, 1, 1, 1, 1], [1, 2, 2, 4, 4]],
    ['maxByLast', [3, 3, 5, 5, 5], [1, 1, 3, 3, 5]],
  ])('%s', (uid, amounts, ids) => {
    const { spec } = specs.find((node) => node.uid === uid)!
    expect(rolling(spec, input)).toEqual(amounts.map((amount, i) => ({ city: 'a', amount, id: ids[i] })))
  })

  test('tuples keep their shape', () => {
    const nodes = build((stream) => {
      stream
        .map((s): [string, number] => [s.city, s.amount])
        .keyBy(([city]) => city)
        .sum('sum', 1)
    })
    const { spec } = nodes[2]!
    expect(spec.type === 'reduce' && spec.reduce(Object.freeze(['a', 1]), ['a', 2])).toEqual(['a', 3])
  })
})

describe('job definitions', () => {
  test('are recognised, whichever copy of the package made them', () => {
    expect(isJobDefinition(defineJob({ name: 'j' }, () => {}))).toBe(true)
    expect(isJobDefinition({ [Symbol.for('millrace.job')]: true, options: { name: 'j' }, build() {} })).toBe(
      true,
    )
    for (const other of [undefined, null, 'job', {}, { options: {}, build() {} }])
      expect(isJobDefinition(other)).toBe(false)
  })

  test('need a function', () => {
    expect(() => defineJob({ name: 'j' }, 5 as never)).toThrow(
      'expected a function (env) => void after the options, got number',
    )
  })
})
