import { expect, test } from 'vitest'
import { planToJson, planToMermaid } from '../../../lib/graph/render.ts'
import type { StreamEnvironment } from '../../../lib/stream/environment.ts'
import { mapState, operatorListState, valueState } from '../../../lib/stream/state.ts'
import { outputTag, type } from '../../../lib/stream/types.ts'
import { discard, planOf, words, type Word } from './fixtures.ts'

const late = outputTag<Word>('too "late"')

function build(env: StreamEnvironment): void {
  const counts = env
    .source('words', words)
    .keyBy((w) => w.text)
    .process('count', {
      state: { total: valueState<number>(), byHour: mapState<number, number>() },
      emits: type<Word>(),
      processElement() {},
    })
  counts.sinkTo('out', discard)
  counts.getSideOutput(late).sinkTo('late', discard, {
    parallelism: 1,
    name: 'late <words>',
    resources: { memoryMb: 2048 },
  })
}

test('a plan as JSON', () => {
  const json = planToJson(planOf(build))
  expect(JSON.parse(JSON.stringify(json))).toEqual(json)
  expect(json).toMatchInlineSnapshot(`
    {
      "edges": [
        {
          "from": "words",
          "input": 0,
          "operator": "words",
          "partitioning": "hash",
          "sideOutput": null,
          "to": "count",
        },
        {
          "from": "count",
          "input": 0,
          "operator": "count",
          "partitioning": "rebalance",
          "sideOutput": "too "late"",
          "to": "late",
        },
      ],
      "fingerprint": "bca5db6fabfd572a",
      "format": 1,
      "job": "job",
      "unconsumedDeadLetters": [
        "words",
      ],
      "vertices": [
        {
          "id": "words",
          "maxParallelism": 128,
          "name": "words",
          "operators": [
            {
              "input": null,
              "keyed": false,
              "name": "words",
              "sideOutput": null,
              "state": [],
              "type": "source",
              "uid": "words",
            },
          ],
          "parallelism": 2,
          "resources": null,
        },
        {
          "id": "count",
          "maxParallelism": 128,
          "name": "count -> out",
          "operators": [
            {
              "input": null,
              "keyed": true,
              "name": "count",
              "sideOutput": null,
              "state": [
                {
                  "kind": "map",
                  "name": "byHour",
                },
                {
                  "kind": "value",
                  "name": "total",
                },
              ],
              "type": "keyed-process",
              "uid": "count",
            },
            {
              "input": "count",
              "keyed": false,
              "name": "out",
              "sideOutput": null,
              "state": [],
              "type": "sink",
              "uid": "out",
            },
          ],
          "parallelism": 2,
          "resources": null,
        },
        {
          "id": "late",
          "maxParallelism": 128,
          "name": "late <words>",
          "operators": [
            {
              "input": null,
              "keyed": false,
              "name": "late <words>",
              "sideOutput": null,
              "state": [],
              "type": "sink",
              "uid": "late",
            },
          ],
          "parallelism": 1,
          "resources": {
            "maxConcurrency": null,
            "memoryMb": 2048,
            "timeoutMs": null,
          },
        },
      ],
    }
  `)
})

test('a plan as a Mermaid flowchart', () => {
  expect(planToMermaid(planOf(build))).toMatchInlineSnapshot(`
    "flowchart LR
      v0["words<br/>parallelism 2"]
      v1["count -> out<br/>parallelism 2"]
      v2["late #60;words><br/>parallelism 1"]
      v0 -->|hash| v1
      v1 -.->|"too #34;late#34;: rebalance"| v2
    "
  `)
})

const original = planOf(build).fingerprint

test('the fingerprint is the same for what a checkpoint does not care about', () => {
  expect(planOf(build).fingerprint).toBe(original)
  expect(planOf(build, { parallelism: 5, name: 'renamed' }).fingerprint).toBe(original)
})

const two = (order: readonly string[]) =>
  planOf((env) => {
    for (const uid of order) env.source(uid, words).sinkTo(`${uid}-out`, discard)
  }).fingerprint

test('the fingerprint does not depend on the order of building', () => {
  expect(two(['a', 'b'])).toBe(two(['b', 'a']))
})

function counting(change: {
  uid?: string
  state?: object
  maxParallelism?: number
  rebalanced?: boolean
  redistribution?: 'split' | 'union'
}): string {
  return planOf((env) => {
    const source = env.source('s', words)
    const stream = change.rebalanced === true ? source.rebalance() : source
    stream
      .process('buffer', {
        operatorState: {
          items: operatorListState<Word>({ redistribution: change.redistribution ?? 'split' }),
        },
        emits: type<Word>(),
        processElement() {},
      })
      .keyBy((w) => w.text)
      .process(
        change.uid ?? 'count',
        { state: { total: valueState<number>(), ...change.state }, processElement() {} },
        change.maxParallelism === undefined ? {} : { maxParallelism: change.maxParallelism },
      )
      .sinkTo('out', discard)
  }).fingerprint
}

test('the fingerprint changes with uids, states, partitioning and maxParallelism', () => {
  const fingerprints = [
    counting({}),
    counting({ uid: 'counts' }),
    counting({ state: { more: valueState<number>() } }),
    counting({ state: { total: mapState<string, number>() } }),
    counting({ maxParallelism: 64 }),
    counting({ rebalanced: true }),
    counting({ redistribution: 'union' }),
  ]
  expect(new Set(fingerprints).size).toBe(fingerprints.length)
})
