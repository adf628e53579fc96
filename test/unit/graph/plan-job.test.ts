import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { collectSink } from '../../../lib/connectors/collect.ts'
import { deadLetters, type Source } from '../../../lib/stream/source.ts'
import { deadLetterSinkUid, planWithDeadLetters } from '../../../lib/graph/dead-letters.ts'
import { planJob } from '../../../lib/graph/plan-job.ts'
import type { DataStream } from '../../../lib/stream/data-stream.ts'
import type { JobPlan } from '../../../lib/graph/plan.ts'
import type { StreamGraph } from '../../../lib/stream/operator-spec.ts'
import { outputTag } from '../../../lib/stream/types.ts'
import { boundedOutOfOrderness } from '../../../lib/stream/watermarks.ts'
import { chainsOf, CONFIG, discard, graphOf, planOf, problemsOf, words, type Word } from './fixtures.ts'

const twoOperators = (
  change: (stream: DataStream<Word>) => DataStream<Word>,
  first: object = {},
  second: object = {},
) =>
  planOf((env) => {
    const stream = env.source('s', words).map((w) => w, { uid: 'a', ...first })
    change(stream)
      .map((w) => w, { uid: 'b', ...second })
      .sinkTo('out', discard, second)
  })

const same = (stream: DataStream<Word>) => stream

describe('chaining', () => {
  test('a keyed operator starts a chain; what is forwarded joins it', () => {
    const plan = planOf((env) => {
      env
        .source('words', words)
        .withTimestamps((w) => w.count, boundedOutOfOrderness(0))
        .map((w) => w)
        .keyBy((w) => w.text)
        .sum('count', 'count')
        .filter((w) => w.count > 1)
        .sinkTo('out', discard)
    })
    expect(chainsOf(plan)).toEqual([
      'words words.timestamps-1 words.timestamps-1.map-1',
      'count count.filter-1 out',
    ])
    expect(plan.vertices.map((vertex) => vertex.name)).toEqual([
      'words -> timestamps -> map',
      'count -> filter -> out',
    ])
    expect(plan.edges).toMatchObject([
      { index: 0, sourceVertex: 0, sourceOperator: 2, targetVertex: 1, inputIndex: 0, partitioning: 'hash' },
    ])
    expect(plan.edges[0]!.keySelector!({ text: 'a' })).toBe('a')
    expect(plan.vertices.map((vertex) => [vertex.inputEdges, vertex.outputEdges])).toEqual([
      [[], [0]],
      [[0], []],
    ])
  })

  test('several consumers of one output are chained as a tree', () => {
    const tag = outputTag<string>('odd')
    const plan = planOf((env) => {
      const stream = env.source('words', words).process('split', { processElement() {} })
      stream.map((w) => w, { uid: 'a' }).sinkTo('out-a', discard)
      stream.getSideOutput(tag).sinkTo('out-b', discard)
    })
    expect(plan.vertices).toHaveLength(1)
    expect(plan.vertices[0]!.name).toBe('words -> split -> (a -> out-a, out-b)')
    expect(plan.vertices[0]!.operators.map((o) => [o.uid, o.parent, o.parentTagId])).toEqual([
      ['words', undefined, undefined],
      ['split', 0, undefined],
      ['a', 1, undefined],
      ['out-a', 2, undefined],
      ['out-b', 1, 'odd'],
    ])
  })

  test.each([
    ['by default', same, {}, {}, ['s a b out'], undefined],
    ['rebalanced', (s: DataStream<Word>) => s.rebalance(), {}, {}, ['s a', 'b out'], 'rebalance'],
    ['broadcast', (s: DataStream<Word>) => s.broadcast(), {}, {}, ['s a', 'b out'], 'broadcast'],
    ['forwarded', (s: DataStream<Word>) => s.forward(), {}, {}, ['s a b out'], undefined],
    ['of another parallelism', same, {}, { parallelism: 1 }, ['s a', 'b out'], 'rebalance'],
    ['of another maxParallelism', same, {}, { maxParallelism: 64 }, ['s a', 'b out'], 'forward'],
    ['that is a head', same, {}, { chaining: 'head' }, ['s a', 'b', 'out'], 'forward'],
    ['that never chains', same, {}, { chaining: 'never' }, ['s a', 'b', 'out'], 'forward'],
    ['after one that never chains', same, { chaining: 'never' }, {}, ['s', 'a', 'b out'], 'forward'],
    ['after a head', same, { chaining: 'head' }, {}, ['s', 'a b out'], undefined],
  ] as const)('an operator %s', (_name, change, first, second, chains, partitioning) => {
    const plan = twoOperators(change, first, second)
    expect(chainsOf(plan)).toEqual(chains)
    const edge = plan.edges.find(({ targetVertex }) => plan.vertices[targetVertex]!.id === 'b')
    expect(edge?.partitioning).toBe(partitioning)
  })

  test('an operator with several inputs starts a chain', () => {
    const plan = planOf((env) => {
      const a = env.source('a', words)
      const b = env.source('b', words)
      a.union(b, a)
        .map((w) => w, { uid: 'm' })
        .sinkTo('out', discard)
    })
    expect(chainsOf(plan)).toEqual(['a', 'b', 'm out'])
    expect(plan.edges.map((edge) => [edge.sourceVertex, edge.targetVertex, edge.partitioning])).toEqual([
      [0, 2, 'forward'],
      [1, 2, 'forward'],
      [0, 2, 'forward'],
    ])
  })

  test('property: every logical edge is inside a chain or is a JobEdge, once and unchanged', () => {
    fc.assert(
      fc.property(programs, (steps) => {
        const graph = graphOf((env) => {
          const streams: DataStream<Word>[] = [env.source('s0', words), env.source('s1', words)]
          for (const [i, step] of steps.entries()) {
            const from = streams[step.from % streams.length]!
            const options = { name: `n${i}`, parallelism: step.parallelism, chaining: step.chaining }
            if (step.kind === 'union')
              streams.push(from.union(streams[step.other % streams.length]!).map((w) => w, options))
            else if (step.kind === 'keyed')
              streams.push(from.keyBy((w) => w.text).sum(`k${i}`, 'count', options))
            else if (step.kind === 'rebalance') streams.push(from.rebalance().map((w) => w, options))
            else streams.push(from.map((w) => w, options))
          }
          for (const [i, stream] of streams.entries()) stream.sinkTo(`out${i}`, discard)
        })
        const plan = planJob(graph, CONFIG)
        expect(plannedEdges(plan).toSorted()).toEqual(logicalEdges(graph).toSorted())
        expect(plan.vertices.flatMap((vertex) => vertex.operators)).toHaveLength(graph.nodes.length)
        expect(plan.edges.every((edge) => edge.sourceVertex < edge.targetVertex)).toBe(true)
      }),
    )
  })
})

const resourcesOf = (plan: JobPlan) => plan.vertices.map(({ id, resources }) => [id, resources])

describe('resources', () => {
  const nothing = { memoryMb: undefined, timeoutMs: undefined, maxConcurrency: undefined }

  test('are what the operators of a chain ask for, and break no chain', () => {
    const plan = twoOperators((stream) => stream, {}, { resources: { memoryMb: 2048, timeout: '1 min' } })
    expect(chainsOf(plan)).toEqual(['s a b out'])
    expect(resourcesOf(plan)).toEqual([
      ['s', { memoryMb: 2048, timeoutMs: 60_000, maxConcurrency: undefined }],
    ])
  })

  test('are of the chain that asks, and of no other', () => {
    const plan = twoOperators((stream) => stream.rebalance(), {}, { resources: 'own' })
    expect(resourcesOf(plan)).toEqual([
      ['s', undefined],
      ['b', nothing],
    ])
    expect(resourcesOf(twoOperators((stream) => stream))).toEqual([['s', undefined]])
  })

  test('that differ within a chain give each operator what it asks for', () => {
    const plan = twoOperators(
      (stream) => stream.map((w) => w, { uid: 'between', resources: 'own' }),
      { resources: { memoryMb: 512, maxConcurrency: 40, timeout: 90_000 } },
      { resources: { memoryMb: 1024, maxConcurrency: 50 } },
    )
    expect(chainsOf(plan)).toEqual(['s a between b out'])
    expect(resourcesOf(plan)).toEqual([['s', { memoryMb: 1024, timeoutMs: 90_000, maxConcurrency: 40 }]])
  })

  test('do not tie a checkpoint to them', () => {
    const asking = twoOperators((stream) => stream, { resources: { memoryMb: 4096 } })
    expect(asking.fingerprint).toBe(twoOperators((stream) => stream).fingerprint)
  })
})

const programs = fc.array(
  fc.record({
    kind: fc.constantFrom('map' as const, 'union' as const, 'keyed' as const, 'rebalance' as const),
    from: fc.nat(20),
    other: fc.nat(20),
    parallelism: fc.constantFrom(1, 2, 3),
    chaining: fc.constantFrom('always' as const, 'head' as const, 'never' as const),
  }),
  { maxLength: 12 },
)

/** Every edge of the graph, with the partitioning that it must have. */
function logicalEdges(graph: StreamGraph): readonly string[] {
  return graph.nodes.flatMap((node) =>
    node.inputs.map(({ from, partitioning, tagId }) => {
      const alike = (from.parallelism ?? CONFIG.parallelism) === (node.parallelism ?? CONFIG.parallelism)
      const resolved = partitioning === 'default' ? (alike ? 'forward' : 'rebalance') : partitioning
      return [from.name, tagId, node.name, resolved].join(' ')
    }),
  )
}

/** Every edge that the plan carries out: within chains, and between them. */
function plannedEdges(plan: JobPlan): readonly string[] {
  const within = plan.vertices.flatMap(({ operators }) =>
    operators
      .filter(({ parent }) => parent !== undefined)
      .map(({ name, parent, parentTagId }) =>
        [operators[parent!]!.name, parentTagId, name, 'forward'].join(' '),
      ),
  )
  const between = plan.edges.map((edge) => {
    const source = plan.vertices[edge.sourceVertex]!.operators[edge.sourceOperator]!
    return [
      source.name,
      edge.tagId,
      plan.vertices[edge.targetVertex]!.operators[0]!.name,
      edge.partitioning,
    ].join(' ')
  })
  return [...within, ...between]
}

describe('parallelism', () => {
  test('is the operator’s own, else the job’s as far as the source or sink allows', () => {
    const single = { ...words, parallelismMax: 1 }
    const plan = planOf((env) => {
      env
        .source('one', single)
        .map((w) => w, { uid: 'm' })
        .sinkTo('out', { ...discard, parallelismMax: 1 })
      env.source('own', words, { parallelism: 3 }).sinkTo('out-2', discard, { parallelism: 3 })
    })
    const parallelisms = plan.vertices.map((vertex) => [vertex.id, vertex.parallelism])
    expect(Object.fromEntries(parallelisms)).toEqual({ one: 1, m: 2, out: 1, own: 3 })
  })
})

const uidsOf = (extra: boolean) =>
  planOf((env) => {
    const stream = env.source('words', words)
    if (extra)
      env
        .source('more', words)
        .map((w) => w)
        .sinkTo('more-out', discard)
    stream
      .map((w) => w)
      .map((w) => w)
      .sinkTo('a', discard)
    if (extra) stream.filter(() => true).sinkTo('b', discard)
    stream.map((w) => w).sinkTo('c', discard)
  }).vertices.flatMap((vertex) => vertex.operators.map((operator) => operator.uid))

describe('uids', () => {
  test('an operator added elsewhere shifts none', () => {
    expect(uidsOf(false)).toEqual(['words', 'words.map-1', 'words.map-1.map-1', 'a', 'words.map-2', 'c'])
    expect(uidsOf(true)).toEqual(expect.arrayContaining(uidsOf(false)))
  })

  test('a derived uid avoids those given, and stays short', () => {
    const plan = planOf((env) => {
      let stream: DataStream<Word> = env.source('words', words).map((w) => w, { uid: 'words.map-2' })
      for (let i = 0; i < 100; i++) stream = stream.map((w) => w)
      stream.sinkTo('out', discard)
      const other = env.source('o', words)
      other.map((w) => w).sinkTo('p', discard)
      other.map((w) => w, { uid: 'o.map-1' }).sinkTo('q', discard)
    })
    const uids = plan.vertices.flatMap((vertex) => vertex.operators.map((operator) => operator.uid))
    expect(new Set(uids).size).toBe(uids.length)
    expect(Math.max(...uids.map((uid) => uid.length))).toBeLessThanOrEqual(200)
    expect(uids).toContain('o.map-2')
  })
})

describe('dead letters', () => {
  test('are reported where a source can make them and no stream takes them', () => {
    const plan = planOf((env) => {
      const taken = env.source('taken', words)
      taken.sinkTo('a', discard)
      taken.deadLetters.sinkTo('dead', discard)
      env.source('left', words).sinkTo('b', discard)
      env
        .source('none', { type: 'function', kind: 'f', bounded: true, fn: { poll: () => 'end' } })
        .sinkTo('c', discard)
    })
    expect(plan.unconsumedDeadLetters).toEqual(['left'])
    const dead = plan.vertices[0]!.operators.find(({ uid }) => uid === 'dead')
    expect(dead!.parentTagId).toBe('millrace.dead-letters')
  })

  test('that no stream takes go to a sink in the task of their source, named after it', () => {
    const graph = graphOf((env) => {
      const left = env.source('left', words, { parallelism: 3 })
      left.map((word) => word).sinkTo('out', discard)
    })
    const plan = planWithDeadLetters(graph, CONFIG, () => discard)
    expect(plan.unconsumedDeadLetters).toEqual([])
    const [source] = plan.vertices
    const sink = source!.operators.find(({ uid }) => uid === 'left.dead-letters')
    expect(sink).toMatchObject({ parent: 0, parentTagId: 'millrace.dead-letters', spec: { sink: discard } })
    expect(plan.vertices.flatMap(({ operators }) => operators.map(({ uid }) => uid))).toContain('left.map-1')
  })

  test('of all operators with functions of the user are kept, where records that fail are set aside', () => {
    const graph = graphOf((env) => {
      const counted = env
        .source('words', words)
        .withTimestamps(({ count }) => count, boundedOutOfOrderness(0))
        .keyBy(({ text }) => text)
        .map('count', { map: (word: Word) => word })
      counted.sinkTo('out', discard)
      counted.getSideOutput(deadLetters).sinkTo('taken', collectSink())
      env
        .source('plain', { ...words, refusesRecords: false } as Source<Word>)
        .sinkTo('plain-out', collectSink())
    })
    const plan = planWithDeadLetters(
      graph,
      { ...CONFIG, poisonRecords: { deadLetterAfter: 3 } },
      () => discard,
    )
    const uids = plan.vertices.flatMap(({ operators }) => operators.map(({ uid }) => uid as string))
    expect(uids.filter((uid) => uid.endsWith('.dead-letters')).toSorted()).toEqual([
      'out.dead-letters',
      'words.dead-letters',
      'words.timestamps-1.dead-letters',
    ])
    const without = planOf((env) => {
      const texts = env.source('words', words).map(({ text }) => text)
      texts.sinkTo('out', discard)
    })
    expect(without.unconsumedDeadLetters).toEqual(['words'])
  })

  test('of a uid of the greatest length have a sink whose uid is no longer', () => {
    const [one, other] = ['a', 'b'].map((end) => deadLetterSinkUid(`${'x'.repeat(199)}${end}`))
    expect(one).toHaveLength(200)
    expect(one).not.toBe(other)
  })

  test('of operators other than sources are refused where nothing sets records aside', () => {
    const graph = graphOf((env) => {
      const doubled = env.source('words', words).map((word) => word, { uid: 'same' })
      doubled.sinkTo('out', discard)
      doubled.getSideOutput(deadLetters).sinkTo('taken', collectSink())
    })
    expect(problemsOf(() => planJob(graph, CONFIG))).toEqual([
      "operator 'taken' takes side output 'millrace.dead-letters' of 'same', which cannot have it: operators other than " +
        'sources have dead letters only where poisonRecords.deadLetterAfter says when',
    ])
    const config = { ...CONFIG, poisonRecords: { deadLetterAfter: 1 } }
    expect(problemsOf(() => planJob(graph, config))).toEqual([])
  })
})
