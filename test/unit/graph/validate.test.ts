import { describe, expect, test } from 'vitest'
import { buildStreamGraph } from '../../../lib/graph/build-stream-graph.ts'
import { planJob } from '../../../lib/graph/plan-job.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { defineJob } from '../../../lib/stream/job.ts'
import type { OperatorOptions } from '../../../lib/stream/operator-options.ts'
import type { StreamNode } from '../../../lib/stream/operator-spec.ts'
import { sinkFunction, type Sink } from '../../../lib/stream/sink.ts'
import { outputTag } from '../../../lib/stream/types.ts'
import { tumblingEventTimeWindows } from '../../../lib/stream/windows.ts'
import { CONFIG, discard, graphOf, planOf, problemsOf, words } from './fixtures.ts'

const check = (nodes: readonly StreamNode[]) => problemsOf(() => planJob({ nodes }, CONFIG))

const sinkProblems = (sink: Sink<unknown>, parallelism: number) =>
  problemsOf(() => planOf((env) => env.source('s', words).sinkTo('out', sink, { parallelism })))

describe('problems of a job', () => {
  test('are all reported at once', () => {
    const problems = problemsOf(() =>
      planOf((env) => {
        const stream = env.source('words', words)
        stream.sinkTo('out', discard)
        stream.sinkTo('out', discard, { parallelism: 0 })
        stream.map((w) => w, { uid: 'lost' })
      }),
    )
    expect(problems).toEqual([
      "stream 'lost' goes nowhere: add .sinkTo(…) to it, or remove it",
      "uid 'out' names 2 operators: each needs its own, as its state is found by it",
      "operator 'out': parallelism: expected a whole number from 1 to 32768, got 0",
    ])
  })

  test('no source', () => {
    expect(problemsOf(() => planOf(() => {}))).toEqual(['the job has no source: add env.source(…)'])
  })

  test('a source that nothing reads but for its dead letters', () => {
    const problems = problemsOf(() =>
      planOf((env) => env.source('s', words).deadLetters.sinkTo('d', discard)),
    )
    expect(problems).toEqual(["stream 's' goes nowhere: add .sinkTo(…) to it, or remove it"])
  })

  test('a function with side outputs alone needs no consumer of its own stream', () => {
    const problems = problemsOf(() =>
      planOf((env) => {
        const stream = env.source('s', words).process('p', { processElement() {} })
        stream.getSideOutput(outputTag<string>('t')).sinkTo('out', discard)
      }),
    )
    expect(problems).toEqual([])
  })

  test.each([
    ['', 'uid "": expected a name, got empty text'],
    ['a/b', `uid "a/b": expected no '/' and no control characters`],
    ['a\nb', String.raw`uid "a\nb": expected no '/' and no control characters`],
    ['x'.repeat(201), `uid "${'x'.repeat(201)}": expected at most 200 characters, got 201`],
  ])('uid %j', (uid, problem) => {
    expect(problemsOf(() => planOf((env) => env.source(uid, words).sinkTo('out', discard)))).toEqual([
      problem,
    ])
  })

  test.each([
    [{ parallelism: 129 }, "operator 'out': parallelism: expected at most its maxParallelism 128, got 129"],
    [{ parallelism: 2.5 }, "operator 'out': parallelism: expected a whole number from 1 to 32768, got 2.5"],
    [
      { maxParallelism: 32_769 },
      "operator 'out': maxParallelism: expected a whole number from 1 to 32768, got 32769",
    ],
    [
      { parallelism: 3, maxParallelism: 2 },
      "operator 'out': parallelism: expected at most its maxParallelism 2, got 3",
    ],
  ])('options %j', (options, problem) => {
    expect(problemsOf(() => planOf((env) => env.source('s', words).sinkTo('out', discard, options)))).toEqual(
      [problem],
    )
  })

  test.each([
    ['own', []],
    [{}, []],
    [{ memoryMb: 128, timeout: '15 min', maxConcurrency: 1_000 }, []],
    [{ memoryMb: 10_240, timeout: 30_000, maxConcurrency: 2 }, []],
    [{ memoryMb: undefined }, []],
    ['shared', ['resources: expected \'own\' or an object, got "shared"']],
    [true, ["resources: expected 'own' or an object, got true"]],
    [null, ["resources: expected 'own' or an object, got null"]],
    [[], ["resources: expected 'own' or an object, got []"]],
    [
      { memoryMb: 127, timeout: '29 s', maxConcurrency: 1 },
      [
        'resources.memoryMb: expected a whole number from 128 to 10240, got 127',
        'resources.timeout: expected a duration from 30 s to 15 min, got "29 s"',
        'resources.maxConcurrency: expected a whole number from 2 to 1000, got 1',
      ],
    ],
    [
      { memoryMb: 10_241, timeout: 900_001, maxConcurrency: 2.5 },
      [
        'resources.memoryMb: expected a whole number from 128 to 10240, got 10241',
        'resources.timeout: expected a duration from 30 s to 15 min, got 900001',
        'resources.maxConcurrency: expected a whole number from 2 to 1000, got 2.5',
      ],
    ],
    [{ cpu: 2 }, ["resources: expected memoryMb, timeout, maxConcurrency, got 'cpu'"]],
  ])('resources %j', (resources, problems) => {
    const options = { resources } as OperatorOptions
    expect(problemsOf(() => planOf((env) => env.source('s', words).sinkTo('out', discard, options)))).toEqual(
      problems.map((problem) => `operator 'out': ${problem}`),
    )
  })

  test('more subtasks than a source allows', () => {
    const single = { ...words, parallelismMax: 1 }
    const problems = problemsOf(() =>
      planOf((env) => env.source('s', single, { parallelism: 2 }).sinkTo('out', discard)),
    )
    expect(problems).toEqual([
      "operator 's': parallelism: expected at most 1, which is all that its source allows, got 2",
    ])
  })

  test('subtasks that would share the variables of one function', () => {
    const buffering = { invoke() {}, initializeState() {}, snapshotState() {} }
    expect(sinkProblems(sinkFunction(buffering), 2)).toEqual([
      "operator 'out': its 2 subtasks would share one function, whose state is each one's own; " +
        'give what makes the function, () => ({ … }), or parallelism 1',
    ])
    expect(sinkProblems(sinkFunction(buffering), 1)).toEqual([])
    expect(
      sinkProblems(
        sinkFunction(() => ({ ...buffering })),
        2,
      ),
    ).toEqual([])
    expect(sinkProblems(discard, 2)).toEqual([])
  })

  test('forward between different parallelisms', () => {
    const problems = problemsOf(() =>
      planOf((env) => env.source('s', words).forward().sinkTo('out', discard, { parallelism: 1 })),
    )
    expect(problems).toEqual([
      "forward() from 's' to 'out': expected the same parallelism at both ends, got 2 and 1; " +
        'use rebalance() or set them alike',
    ])
  })

  test('side outputs that cannot be', () => {
    const tag = outputTag<unknown>('t')
    const problems = problemsOf(() =>
      planOf((env) => {
        const source = env.source('s', words)
        source.getSideOutput(tag).sinkTo('a', discard)
        source
          .map((w) => w, { uid: 'm' })
          .getSideOutput(tag)
          .sinkTo('b', discard)
        const windows = source.keyBy((w) => w.text).window(tumblingEventTimeWindows(10))
        windows.sum('w', 'count').getSideOutput(tag).sinkTo('c', discard)
        windows
          .sideOutputLateData(outputTag('late'))
          .sum('x', 'count')
          .getSideOutput(outputTag('late'))
          .sinkTo('d', discard)
        source
          .process('p', { processElement() {} })
          .getSideOutput(outputTag('millrace.own'))
          .sinkTo('e', discard)
        env
          .source('f', { type: 'function', kind: 'f', bounded: true, fn: { poll: () => 'end' } })
          .deadLetters.sinkTo('g', discard)
      }),
    )
    expect(problems.filter((problem) => problem.includes('side output'))).toEqual([
      "operator 'a' takes side output 't' of 's', which cannot have it: the side output of a source is its dead letters",
      "operator 'b' takes side output 't' of 'm', which cannot have it: only process functions, rich functions on keyed streams, windows and sources have side outputs",
      "operator 'c' takes side output 't' of 'w', which cannot have it: a window emits its late records alone, to the tag given to sideOutputLateData",
      "operator 'e' takes side output 'millrace.own' of 'p', which cannot have it: tags that begin with 'millrace.' are reserved",
      "operator 'g' takes side output 'millrace.dead-letters' of 'f', which cannot have it: a source function makes no dead letters",
    ])
  })

  test('an asynchronous job function', () => {
    // oxlint-disable-next-line typescript/no-misused-promises -- the mistake that is refused at run time too
    const job = defineJob({ name: 'late' }, async (env) => {
      await Promise.resolve()
      env.source('s', words).sinkTo('out', discard)
    })
    expect(() => buildStreamGraph(job)).toThrow(UserError)
    expect(() => buildStreamGraph(job)).toThrow(
      "expected the job's function to return nothing, got a promise",
    )
  })
})

describe('problems of a graph that no builder made', () => {
  const graph = graphOf((env) =>
    env
      .source('s', words)
      .map((w) => w, { uid: 'm' })
      .sinkTo('out', discard),
  )
  const [source, map, sink] = graph.nodes as [StreamNode, StreamNode, StreamNode]
  const main = { tagId: undefined, partitioning: 'default', inputIndex: 0 } as const

  test('a cycle', () => {
    const a = { ...map, id: 1, uid: 'a', inputs: [] as unknown as StreamNode['inputs'] }
    const b = { ...map, id: 2, uid: 'b', inputs: [{ ...main, from: a }] }
    a.inputs = [
      { ...main, from: source },
      { ...main, from: b },
    ]
    const end = { ...sink, inputs: [{ ...main, from: b }] }
    expect(check([source, a, b, end])).toEqual([
      "the job has a cycle: 'a' -> 'b' -> 'a'; streams cannot feed back",
    ])
  })

  test('an operator that no source leads to', () => {
    const orphan = { ...map, id: 7, uid: 'orphan', inputs: [] }
    const end = { ...sink, id: 8, uid: 'end', inputs: [{ ...main, from: orphan }] }
    expect(check([...graph.nodes, orphan, end])).toEqual([
      "operator 'orphan' gets no records: no source leads to it",
      "operator 'end' gets no records: no source leads to it",
    ])
  })

  test('an input from outside the graph', () => {
    expect(check([source, sink])).toEqual(["operator 'out' reads from 'm', which is not part of this job"])
  })

  test('a keyed operator without a key selector, and a key for one that has no use for it', () => {
    const keyed: StreamNode = { ...map, uid: 'k', spec: { type: 'reduce', reduce: (a) => a } }
    const end: StreamNode = { ...sink, inputs: [{ ...main, from: keyed, partitioning: 'hash' }] }
    expect(check([source, keyed, end])).toEqual([
      "operator 'k' works on a keyed stream, but has no key selector: put .keyBy(…) before it",
      "operator 'out' is given a keyed stream, but does not work on one",
    ])
  })

  test('a sink with an output, a source with an input', () => {
    const after = { ...sink, uid: 'after', inputs: [{ ...main, from: sink }] }
    const second = { ...source, uid: 'second', inputs: [{ ...main, from: source }] }
    expect(check([source, map, sink, after, second])).toEqual([
      "stream 'second' goes nowhere: add .sinkTo(…) to it, or remove it",
      "operator 'after' reads from sink 'out'; sinks have no output",
      "source 'second' has an input; sources have none",
    ])
  })
})
