import {
  boundedOutOfOrderness,
  defineJob,
  listState,
  mapState,
  outputTag,
  tumblingEventTimeWindows,
  type,
  valueState,
  type DataStream,
  type JobDefinition,
  type KeyedStream,
  type OperatorOptions,
} from '../../lib/index.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { JobOptions } from '../../lib/stream/options.ts'
import {
  bucketOf,
  cancelsBucket,
  copies,
  counted,
  differing,
  isOdd,
  kept,
  mapped,
  onBranch,
  paired,
  reduced,
  summary,
} from './operations.ts'
import type { Item, Node, Program } from './program.ts'
import { transactionalSink, writerSink, type SinkSurroundings } from './simulated-sinks.ts'
import { simulatedFunction, simulatedSource } from './simulated-source.ts'

/** What the functions of a random job meet. */
export interface FunctionSurroundings extends Pick<SinkSurroundings, 'faults' | 'outside' | 'chance'> {
  readonly clock: Pick<Clock, 'now'>
}

interface JobSurroundings extends SinkSurroundings {
  readonly clock: Clock
}

/** What processing-time timers told: these depend on chance, so that only what must hold for each is checked. */
const alarms = outputTag<string>('alarms')
const odd = outputTag<Item>('odd')
const late = outputTag<Item>('late')

/** The program as a job of Millrace. */
export function simulatedJob(program: Program, options: JobOptions, around: JobSurroundings): JobDefinition {
  return defineJob(options, (env) => {
    const streams: DataStream<Item>[] = []
    for (const [index, node] of program.nodes.entries()) {
      const placed: OperatorOptions = {
        chaining: node.chaining,
        ...(node.parallelism === undefined ? {} : { parallelism: node.parallelism }),
      }
      if (node.type === 'source') {
        const source = (node.form === 'splits' ? simulatedSource : simulatedFunction)(node.splits, around)
        streams.push(
          env
            .source(`source-${index}`, source, placed)
            .withTimestamps(({ ts }) => ts, boundedOutOfOrderness(2 * program.jitterMs + 1), placed),
        )
      } else if (node.type === 'sink') {
        const sink = (node.form === 'transactional' ? transactionalSink : writerSink)(index, around)
        streams[node.input]!.sinkTo(`sink-${index}`, sink, placed)
        streams.push(streams[node.input]!)
      } else streams.push(streamOf(node, index, streams, placed, around))
    }
  })
}

export type InnerNode = Exclude<Node, { type: 'source' | 'sink' }>

/** The stream that an operator of the program makes. */
export function streamOf(
  node: InnerNode,
  index: number,
  streams: readonly DataStream<Item>[],
  placed: OperatorOptions,
  around: FunctionSurroundings,
): DataStream<Item> {
  const { faults } = around
  const uid = `${node.type}-${index}`
  /** Every function of the user's may throw. */
  const tried = <Args extends unknown[], R>(fn: (...args: Args) => R) => {
    return (...args: Args): R => {
      faults.at('function.record')
      return fn(...args)
    }
  }
  if (node.type === 'union') {
    const branches = node.inputs.map((input, branch) => {
      const options = { ...placed, uid: `${uid}-${branch}` }
      return streams[input]!.map(
        tried((item) => onBranch(item, branch)),
        options,
      )
    })
    return branches[0]!.union(...branches.slice(1))
  }
  const input = streams[node.input]!
  switch (node.type) {
    case 'map':
      return input.map(tried(mapped), { ...placed, uid })
    case 'filter':
      return input.filter(tried(kept), { ...placed, uid })
    case 'flat-map':
      return input.flatMap(tried(copies), { ...placed, uid })
    case 'rebalance':
      return input.rebalance().map(
        tried((item) => item),
        { ...placed, uid },
      )
    case 'broadcast':
      return input.broadcast().map(
        tried((item) => item),
        { ...placed, uid },
      )
    case 'odd':
      return input.getSideOutput(odd)
    default:
      return keyed(node, uid, input, placed, around, tried)
  }
}

type Tried = <Args extends unknown[], R>(fn: (...args: Args) => R) => (...args: Args) => R

function keyed(
  node: Extract<InnerNode, { size: number }>,
  uid: string,
  input: DataStream<Item>,
  placed: OperatorOptions,
  around: FunctionSurroundings,
  tried: Tried,
): DataStream<Item> {
  const byKey = input.keyBy(({ key }) => key)
  switch (node.type) {
    case 'reduce':
      return byKey.reduce(uid, tried(reduced), placed)
    case 'pairs':
      return byKey.flatMapWithState(
        uid,
        tried((item: Item, before: Item | undefined) => {
          const { result, next } = paired(item, before)
          return [result, next] as const
        }),
        placed,
      )
    case 'count':
      return byKey.map(
        uid,
        {
          state: { count: valueState({ default: 0 }) },
          map: tried(
            (item: Item, { state }: { state: { count: { value(): number; update(n: number): void } } }) => {
              state.count.update(state.count.value() + 1)
              return counted(item.key, state.count.value())
            },
          ),
        },
        placed,
      )
    case 'map-with-state':
      return byKey.map(
        uid,
        {
          state: { before: valueState<Item>() },
          map: (item, { state }) => {
            around.faults.at('function.record')
            const result = differing(item, state.before.value())
            state.before.update(item)
            return result
          },
        },
        placed,
      )
    case 'window': {
      const { size } = node
      return byKey
        .window(tumblingEventTimeWindows(size))
        .allowedLateness(size % 3)
        .sideOutputLateData(late)
        .process(
          uid,
          tried((key, { start }, items) =>
            summary(
              key,
              start,
              size,
              items.map(({ v }) => v),
            ),
          ),
          placed,
        )
    }
    case 'buckets':
      return buckets(byKey, uid, node.size, placed, around)
  }
}

/** Windows by hand: a map of buckets, a list of what each holds, and a timer at the end of each. */
function buckets(
  byKey: KeyedStream<string, Item>,
  uid: string,
  size: number,
  placed: OperatorOptions,
  { faults, clock, outside, chance }: FunctionSurroundings,
): DataStream<Item> {
  return byKey.process(
    uid,
    {
      state: {
        values: mapState<number, number[]>(),
        cancelled: listState<number>(),
        alarmsSet: valueState({ default: 0 }),
      },
      emits: type<Item>(),
      open: () => faults.at('function.open'),
      close: () => faults.at('function.close'),
      processElement(item, { state, timers, output }) {
        faults.at('function.record')
        if (isOdd(item)) output(odd, item)
        const start = bucketOf(item, size)
        const end = start + size - 1
        if (end <= timers.currentWatermark()) outside.untimely.push(`${uid}: ${JSON.stringify(item)} is late`)
        if (item.v % 5 === 0) {
          state.alarmsSet.update(state.alarmsSet.value() + 1)
          timers.registerProcessingTimeTimer(timers.currentProcessingTime() + chance.int(1, 40))
        }
        if (state.cancelled.get().includes(start)) return
        if (cancelsBucket(item)) {
          state.cancelled.add(start)
          state.values.remove(start)
          timers.deleteEventTimeTimer(end)
          return
        }
        state.values.put(start, [...(state.values.get(start) ?? []), item.v])
        timers.registerEventTimeTimer(end)
      },
      onTimer(at, { key, state, collect, output, timeDomain, timers }) {
        faults.at('function.timer')
        if (timeDomain === 'processing') {
          if (at > clock.now()) outside.untimely.push(`${uid}: the timer of ${at} fires at ${clock.now()}`)
          if (state.alarmsSet.value() < 1) outside.untimely.push(`${uid}: a timer of ${key} fires twice`)
          state.alarmsSet.update(state.alarmsSet.value() - 1)
          output(alarms, key)
          return
        }
        if (at > timers.currentWatermark()) outside.untimely.push(`${uid}: the timer of ${at} fires early`)
        const start = at - size + 1
        const values = state.values.get(start)
        if (values === undefined) return void outside.untimely.push(`${uid}: the timer of ${at} fires twice`)
        state.values.remove(start)
        collect(summary(key, start, size, values))
      },
    },
    placed,
  )
}
