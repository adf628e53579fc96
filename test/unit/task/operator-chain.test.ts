import { describe, expect, test } from 'vitest'
import { outputTag, sinkFunction, type, type DataStream } from '../../../lib/index.ts'
import { MAX_WATERMARK } from '../../../lib/model/elements.ts'
import { testHarness } from '../../../lib/testing/index.ts'
import { end, planOf, records, status, taskOf, watermark } from './fixtures.ts'

const odd = outputTag<number>('odd')

/** Splits off odd numbers, and passes all on. */
const split = (stream: DataStream<number>) =>
  stream.process('split', {
    emits: type<number>(),
    processElement(n, ctx) {
      ctx.collect(n)
      if (n % 2 === 1) ctx.output(odd, n)
    },
  })

/** A sink that logs what it is given. */
const logging = (log: string[], name: string) =>
  sinkFunction<number>({ invoke: (n) => void log.push(`${name} ${n}`) })

/** Gives the consumer's task what its upstream sent over each of its edges. */
async function throughConsumer(
  plan: ReturnType<typeof planOf>,
  edges: readonly number[],
  sent: readonly string[],
) {
  const consumer = await taskOf(plan, 'consumer', { channels: edges.length })
  for (const line of sent) {
    const [edge, marker] = line.split('>0 ') as [string, string]
    const channel = edges.indexOf(Number(edge))
    if (channel < 0) continue
    const element = marker.startsWith('watermark')
      ? watermark(Number(marker.split(' ')[1]))
      : status(marker === 'idle')
    await consumer.give(channel, element)
  }
  return consumer.log
}

describe('a chain', () => {
  test('is a tree: every consumer gets every record, in order, before the next one', async () => {
    const log: string[] = []
    const plan = planOf((stream) => {
      const doubled = stream.rebalance().map((n) => n * 2, { uid: 'double' })
      doubled.sinkTo('left', logging(log, 'left'))
      doubled.map((n) => n + 1).sinkTo('right', logging(log, 'right'))
    })
    const { give } = await taskOf(plan, 'double')
    await give(0, records(1, 2))
    expect(log).toEqual(['left 2', 'right 3', 'left 4', 'right 5'])
  })

  test('side outputs and main outputs both reach operators of the chain and edges out of it', async () => {
    const log: string[] = []
    const plan = planOf((stream) => {
      const all = split(stream.rebalance())
      all.sinkTo('all', logging(log, 'all'))
      all.getSideOutput(odd).sinkTo('odd', logging(log, 'odd'))
      all
        .keyBy((n) => n)
        .map('keyed', { map: (n) => n })
        .sinkTo('k', logging([], ''))
      all
        .getSideOutput(odd)
        .keyBy((n) => n)
        .map('odd-keyed', { map: (n) => n })
        .sinkTo('ok', logging([], ''))
    })
    const { give, log: sent } = await taskOf(plan, 'split')
    await give(0, records(1, 2, 3))
    expect(log).toEqual(['all 1', 'odd 1', 'all 2', 'all 3', 'odd 3'])
    expect(sent.toSorted()).toEqual(['1>0 1,2,3', '2>0 1,3'])
    sent.length = 0
    await give(0, watermark(5))
    await give(0, status(true))
    await give(0, end)
    expect(sent.filter((line) => line.startsWith('1>'))).toEqual(['1>0 watermark 5', '1>0 idle', '1>0 end'])
    expect(sent.filter((line) => line.startsWith('2>'))).toEqual(['2>0 watermark 5', '2>0 idle', '2>0 end'])
  })

  test.for<[string, (stream: DataStream<number>) => DataStream<number>]>([
    ['main output', (stream) => split(stream)],
    ['side output', (stream) => split(stream).getSideOutput(odd)],
    [
      'main and side output of one operator',
      (stream) => {
        const all = split(stream)
        return all.union(all.getSideOutput(odd))
      },
    ],
    [
      'one stream twice',
      (stream) => {
        const all = split(stream)
        return all.union(all)
      },
    ],
    [
      'two branches',
      (stream) => {
        const all = split(stream)
        return all.map((n) => n).union(all.filter((n) => n > 0))
      },
    ],
  ])('a consumer of %s gets each watermark and status once', async ([, build]) => {
    for (const keyed of [false, true]) {
      const plan = planOf((stream) => {
        const input = build(stream.rebalance())
        const consumed = keyed
          ? input.keyBy((n) => n).map('consumer', { map: (n) => n })
          : input.map((n) => n, { uid: 'consumer' })
        // Sent out of the task, it can be counted.
        consumed.rebalance().sinkTo('out', logging([], ''))
      })
      const upstream = await taskOf(plan, 'split')
      const vertex = plan.vertices.find((one) => one.operators.some(({ uid }) => uid === 'consumer'))!
      const edges = vertex.inputEdges
      const inSameTask = vertex.operators.some(({ uid }) => uid === 'split')
      await upstream.give(0, watermark(5))
      await upstream.give(0, status(true))
      await upstream.give(0, status(false))
      await upstream.give(0, watermark(MAX_WATERMARK))

      const markers = ['watermark 5', 'idle', 'active', 'watermark Infinity']
      const exit = `${plan.edges.findLast(({ targetVertex }) => plan.vertices[targetVertex]!.id === 'out')!.index}>0 `
      const sent = inSameTask ? upstream.log : await throughConsumer(plan, edges, upstream.log)
      expect(sent.filter((line) => line.startsWith(exit))).toEqual(markers.map((marker) => exit + marker))
    }
  })

  test('records of an output that nobody takes go nowhere', async () => {
    const plan = planOf((stream) => {
      split(stream.rebalance()).getSideOutput(odd).sinkTo('odd', logging([], ''))
    })
    const { give, task } = await taskOf(plan, 'split')
    await give(0, records(1, 2))
    expect(task.operatorStates.map(({ uid, operator }) => [uid, operator.metrics.numRecordsIn])).toEqual([
      ['split', 2],
      ['odd', 1],
    ])
  })

  test('operators open tail first, and all are closed though one throws', async () => {
    const log: string[] = []
    const hooks = (name: string) => ({
      open: () => void log.push(`open ${name}`),
      close() {
        log.push(`close ${name}`)
        throw new Error(name)
      },
    })
    const harness = await testHarness((stream: DataStream<number>) =>
      stream
        .process('first', { ...hooks('first'), emits: type<number>(), processElement() {} })
        .process('second', { ...hooks('second'), emits: type<number>(), processElement() {} }),
    )
    await expect(harness.close()).rejects.toThrow('first')
    expect(log).toEqual(['open second', 'open first', 'close first', 'close second'])
  })
})
