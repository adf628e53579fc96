// oxlint-disable vitest/expect-expect -- what is asserted by `@ts-expect-error`, the compiler checks
import { describe, expectTypeOf, test } from 'vitest'
import {
  aggregatingState,
  boundedOutOfOrderness,
  defineJob,
  mapState,
  operatorListState,
  outputTag,
  sinkFunction,
  sourceFunction,
  tumblingEventTimeWindows,
  type,
  valueState,
  type DataStream,
  type DeadLetter,
  type JobDefinition,
  type KeyedStream,
  type SourceFunctionContext,
  type SourceStream,
  type StreamEnvironment,
} from '../../lib/index.ts'

interface Reading {
  readonly sensor: string
  readonly time: number
  readonly celsius: number
  readonly note?: string
}
interface Alert {
  readonly sensor: string
  readonly jump: number
}

const readings = sourceFunction<Reading>({ bounded: true, poll: () => 'end' })
const sinkOf = <T>() => sinkFunction<T>({ invoke() {} })

/** `fn` is compiled and never run: the compiler is what is tested. */
const build = (fn: (env: StreamEnvironment, stream: SourceStream<Reading>) => void): JobDefinition =>
  defineJob({ name: 'types' }, (env) => fn(env, env.source('readings', readings)))

describe('what is inferred', () => {
  test('record types flow from the source to the sink', () => {
    build((_env, stream) => {
      expectTypeOf(stream.deadLetters).toEqualTypeOf<DataStream<DeadLetter>>()
      const celsius = stream.map((r) => r.celsius)
      expectTypeOf(celsius).toEqualTypeOf<DataStream<number>>()
      expectTypeOf(stream.flatMap((r) => (r.note === undefined ? [] : [r.note]))).toEqualTypeOf<
        DataStream<string>
      >()
      expectTypeOf(stream.flatMap((r) => new Set([r.time]))).toEqualTypeOf<DataStream<number>>()
      expectTypeOf(stream.withTimestamps((r) => r.time, boundedOutOfOrderness('5 s'))).toEqualTypeOf<
        DataStream<Reading>
      >()
      expectTypeOf(stream.union(stream)).toEqualTypeOf<DataStream<Reading>>()
      stream.sinkTo('out', sinkOf<Reading>())
      stream.sinkTo('any-sensor', sinkOf<{ readonly sensor: string }>())
    })
  })

  test('a type guard narrows', () => {
    build((_env, stream) => {
      const mixed = stream.map((r) => (r.celsius > 0 ? r : undefined))
      expectTypeOf(mixed.filter((r) => r !== undefined)).toEqualTypeOf<DataStream<Reading>>()
      expectTypeOf(stream.filter((r) => r.celsius > 0)).toEqualTypeOf<DataStream<Reading>>()
    })
  })

  test('the key has the type that the selector returns', () => {
    build((_env, stream) => {
      expectTypeOf(stream.keyBy((r) => r.sensor)).toEqualTypeOf<KeyedStream<string, Reading>>()
      const keyed = stream.keyBy((r) => ({ sensor: r.sensor, hour: r.time }))
      keyed.process('p', {
        processElement(_r, ctx) {
          expectTypeOf(ctx.key).toEqualTypeOf<{ sensor: string; hour: number }>()
        },
      })
      expectTypeOf(stream.keyBy((r) => [r.sensor, r.time] as const)).toExtend<
        KeyedStream<readonly [string, number], Reading>
      >()
    })
  })

  test('a keyed process function takes its types from the declared state and `emits`', () => {
    build((_env, stream) => {
      const late = outputTag<string>('late')
      const alerts = stream
        .keyBy((r) => r.sensor)
        .process('jump', {
          state: {
            last: valueState<number>({ ttl: '1 h' }),
            count: valueState({ default: 0 }),
            seen: mapState<string, number>(),
            average: aggregatingState({
              createAccumulator: () => ({ sum: 0, count: 0 }),
              add: (value: number, a) => ({ sum: a.sum + value, count: a.count + 1 }),
              getResult: (a) => a.sum / a.count,
            }),
          },
          emits: type<Alert>(),
          processElement(r, ctx) {
            expectTypeOf(r).toEqualTypeOf<Reading>()
            expectTypeOf(ctx.key).toEqualTypeOf<string>()
            expectTypeOf(ctx.timestamp).toEqualTypeOf<number | undefined>()
            expectTypeOf(ctx.state.last.value()).toEqualTypeOf<number | undefined>()
            expectTypeOf(ctx.state.count.value()).toEqualTypeOf<number>()
            expectTypeOf(ctx.state.seen.get('a')).toEqualTypeOf<number | undefined>()
            expectTypeOf(ctx.state.average.get()).toEqualTypeOf<number | undefined>()
            ctx.collect({ sensor: r.sensor, jump: 1 })
            ctx.output(late, 'text')
          },
          onTimer(timestampMs, ctx) {
            expectTypeOf(timestampMs).toEqualTypeOf<number>()
            expectTypeOf(ctx.timeDomain).toEqualTypeOf<'event' | 'processing'>()
            ctx.collect({ sensor: ctx.key, jump: 2 })
          },
        })
      expectTypeOf(alerts).toEqualTypeOf<DataStream<Alert>>()
      expectTypeOf(alerts.getSideOutput(late)).toEqualTypeOf<DataStream<string>>()
    })
  })

  test('the order of members does not matter', () => {
    build((_env, stream) => {
      const counts = stream
        .keyBy((r) => r.sensor)
        .process('count', {
          processElement(_r, ctx) {
            const count = ctx.state.count.value() + 1
            expectTypeOf(count).toEqualTypeOf<number>()
            ctx.collect(count)
          },
          emits: type<number>(),
          state: { count: valueState({ default: 0 }) },
        })
      expectTypeOf(counts).toEqualTypeOf<DataStream<number>>()
    })
  })

  test('rich functions infer their output from what they return', () => {
    build((_env, stream) => {
      const keyed = stream.keyBy((r) => r.sensor)
      const mapped = keyed.map('m', {
        state: { last: valueState<number>() },
        map: (r, ctx) => ({ sensor: ctx.key, last: ctx.state.last.value() ?? r.celsius }),
      })
      expectTypeOf(mapped).toEqualTypeOf<DataStream<{ sensor: string; last: number }>>()
      const flat = keyed.flatMap('f', {
        state: { last: valueState<number>() },
        flatMap(r, ctx) {
          const last = ctx.state.last.value()
          return last === undefined ? [] : [{ sensor: r.sensor, jump: r.celsius - last }]
        },
      })
      expectTypeOf(flat).toEqualTypeOf<DataStream<{ sensor: string; jump: number }>>()
      expectTypeOf(keyed.filter('d', { filter: (r, ctx) => r.sensor === ctx.key })).toEqualTypeOf<
        DataStream<Reading>
      >()
      const jumps = keyed.flatMapWithState('j', (r, last: number | undefined) => {
        if (last === undefined) return [[], r.celsius]
        return [[{ sensor: r.sensor, jump: r.celsius - last }], r.celsius]
      })
      expectTypeOf(jumps).toEqualTypeOf<DataStream<{ sensor: string; jump: number }>>()
    })
  })

  test('a process function that is not keyed has operator state', () => {
    build((_env, stream) => {
      const out = stream.process('p', {
        operatorState: { buffer: operatorListState<Reading>() },
        emits: type<Alert>(),
        initializeState(ctx) {
          expectTypeOf(ctx.operatorState.buffer.get()).toEqualTypeOf<readonly Reading[]>()
          expectTypeOf(ctx.isRestored).toEqualTypeOf<boolean>()
        },
        snapshotState(ctx) {
          ctx.operatorState.buffer.update([])
        },
        processElement(r, ctx) {
          ctx.collect({ sensor: r.sensor, jump: 0 })
        },
      })
      expectTypeOf(out).toEqualTypeOf<DataStream<Alert>>()
      expectTypeOf(stream.process('silent', { processElement() {} })).toEqualTypeOf<DataStream<never>>()
    })
  })

  test('what makes a function for each subtask is as good as the function', () => {
    build((env, stream) => {
      const counts = stream.process('p', () => {
        let count = 0
        return {
          operatorState: { counts: operatorListState<number>() },
          emits: type<number>(),
          initializeState({ operatorState }) {
            expectTypeOf(operatorState.counts.get()).toEqualTypeOf<readonly number[]>()
          },
          processElement(r, ctx) {
            expectTypeOf(r).toEqualTypeOf<Reading>()
            ctx.collect(++count)
            // @ts-expect-error it collects numbers
            ctx.collect(r.sensor)
          },
          snapshotState({ operatorState }) {
            operatorState.counts.update([count])
            // @ts-expect-error the list holds numbers
            operatorState.counts.update(['text'])
            // @ts-expect-error not declared
            void operatorState.buffer
          },
        }
      })
      expectTypeOf(counts).toEqualTypeOf<DataStream<number>>()
      counts.sinkTo(
        'sink',
        sinkFunction(() => {
          const seen: number[] = []
          return { invoke: (value: number) => void seen.push(value) }
        }),
      )
      const offsets = sourceFunction(() => {
        let offset = 0
        return {
          operatorState: { offsets: operatorListState<number>() },
          poll(ctx: SourceFunctionContext<number>) {
            ctx.collect(offset++)
            return 'more'
          },
        }
      })
      expectTypeOf(env.source('offsets', offsets)).toEqualTypeOf<SourceStream<number>>()
    })
  })

  test('a stream of a narrower type is a stream of a wider one', () => {
    build((_env, stream) => {
      const noted = stream.filter((r): r is Reading & { readonly note: string } => r.note !== undefined)
      expectTypeOf(stream.union(noted)).toEqualTypeOf<DataStream<Reading>>()
      // @ts-expect-error not every reading has a note
      noted.union(stream)
    })
  })

  test('windows', () => {
    build((_env, stream) => {
      const late = outputTag<Reading>('late')
      const windows = stream
        .keyBy((r) => r.sensor)
        .window(tumblingEventTimeWindows('10 s'))
        .allowedLateness('1 min')
        .sideOutputLateData(late)
      expectTypeOf(windows.reduce('a', (a) => a)).toEqualTypeOf<DataStream<Reading>>()
      expectTypeOf(
        windows.reduce(
          'b',
          (a) => a,
          (key, window, value) => [key, window.end, value.celsius] as const,
        ),
      ).toEqualTypeOf<DataStream<readonly [string, number, number]>>()
      const average = windows.aggregate('c', {
        createAccumulator: () => ({ sum: 0, count: 0 }),
        add: (r, a) => ({ sum: a.sum + r.celsius, count: a.count + 1 }),
        getResult: (a) => a.sum / a.count,
      })
      expectTypeOf(average).toEqualTypeOf<DataStream<number>>()
      const labelled = windows.aggregate(
        'd',
        { createAccumulator: () => 0, add: (_r, n) => n + 1, getResult: (n) => n },
        (key, window, count) => ({ key, start: window.start, count }),
      )
      expectTypeOf(labelled).toEqualTypeOf<DataStream<{ key: string; start: number; count: number }>>()
      expectTypeOf(windows.process('e', (_key, _window, elements) => elements.length)).toEqualTypeOf<
        DataStream<number>
      >()
      expectTypeOf(windows.maxBy('f', 'celsius')).toEqualTypeOf<DataStream<Reading>>()
    })
  })

  test('fields of tuples are named by position', () => {
    build((_env, stream) => {
      const pairs = stream.map((r): [string, number] => [r.sensor, r.celsius]).keyBy(([sensor]) => sensor)
      expectTypeOf(pairs.sum('s', 1)).toEqualTypeOf<DataStream<[string, number]>>()
      // @ts-expect-error position 0 is text
      pairs.sum('t', 0)
      pairs.maxBy('u', 0)
    })
  })
})

describe('what does not compile', () => {
  test('a wrong record type', () => {
    build((_env, stream) => {
      // @ts-expect-error no such field
      stream.map((r) => r.fahrenheit)
      // @ts-expect-error not the stream's type
      stream.map((r: Alert) => r.jump)
      // @ts-expect-error not a condition
      stream.filter((r) => r.sensor)
      // @ts-expect-error not a time
      stream.withTimestamps((r) => r.sensor, boundedOutOfOrderness(0))
      // @ts-expect-error streams of different types
      stream.union(stream.map((r) => r.celsius))
      // @ts-expect-error not iterable
      stream.flatMap((r) => r.celsius)
      // @ts-expect-error a reduction gives what it takes
      stream.keyBy((r) => r.sensor).reduce('r', (a, b) => a.celsius + b.celsius)
    })
  })

  test('a wrong state type', () => {
    build((_env, stream) => {
      stream
        .keyBy((r) => r.sensor)
        .process('p', {
          state: { last: valueState<number>() },
          processElement(r, ctx) {
            // @ts-expect-error the state holds numbers
            ctx.state.last.update(r.sensor)
            // @ts-expect-error not declared
            ctx.state.first.value()
          },
        })
      // @ts-expect-error the new state is not of the state's type
      stream.keyBy((r) => r.sensor).flatMapWithState('f', (r, _last: number | undefined) => [[r], r.sensor])
      stream.process('q', {
        operatorState: { buffer: operatorListState<number>() },
        processElement() {},
        snapshotState(ctx) {
          // @ts-expect-error the list holds numbers
          ctx.operatorState.buffer.add('text')
        },
      })
    })
  })

  test('a wrong key type', () => {
    build((_env, stream) => {
      // @ts-expect-error a date is no key
      stream.keyBy((r) => new Date(r.time))
      // @ts-expect-error a key is never undefined
      stream.keyBy((r) => r.note)
      stream
        .keyBy((r) => r.sensor)
        .process('p', {
          processElement(_r, ctx) {
            // @ts-expect-error the key is text
            const key: number = ctx.key
            return void key
          },
        })
      stream
        .keyBy((r) => r.sensor)
        .window(tumblingEventTimeWindows(10))
        // @ts-expect-error the key is text
        .process('w', (key: number) => key)
    })
  })

  test('a keyed operator on a stream without key, and the other way round', () => {
    build((_env, stream) => {
      // @ts-expect-error no key
      stream.reduce('r', (a) => a)
      // @ts-expect-error no key
      stream.sum('s', 'celsius')
      // @ts-expect-error no key
      stream.window(tumblingEventTimeWindows(10))
      // @ts-expect-error no key
      stream.flatMapWithState('f', (r: Reading) => [[r], 1])
      // @ts-expect-error keyed state without a key
      stream.process('p', { state: { last: valueState<number>() }, processElement() {} })
      // @ts-expect-error no timers without a key
      stream.process('q', { processElement: (_r, ctx) => ctx.timers.registerEventTimeTimer(1) })
      const keyed = stream.keyBy((r) => r.sensor)
      // @ts-expect-error operator state belongs to a function that is not keyed
      keyed.process('k', { operatorState: { a: operatorListState<number>() }, processElement() {} })
    })
  })

  test('collecting the wrong type, or without saying what', () => {
    build((_env, stream) => {
      stream
        .keyBy((r) => r.sensor)
        .process('p', {
          emits: type<Alert>(),
          processElement(r, ctx) {
            // @ts-expect-error not an alert
            ctx.collect(r.celsius)
            // @ts-expect-error jump is missing
            ctx.collect({ sensor: r.sensor })
          },
        })
      stream
        .keyBy((r) => r.sensor)
        .process('q', {
          processElement(r, ctx) {
            // @ts-expect-error no output is declared
            ctx.collect(r)
          },
          onTimer(timestampMs, ctx) {
            // @ts-expect-error no output is declared
            ctx.collect(timestampMs)
          },
        })
      // @ts-expect-error no output is declared
      stream.process('r', { processElement: (r, ctx) => ctx.collect(r) })
      stream
        .keyBy((r) => r.sensor)
        .map('m', {
          map(r, ctx) {
            // @ts-expect-error a map returns its output
            ctx.collect(r)
            return r
          },
        })
    })
  })

  test('a wrong side output', () => {
    build((_env, stream) => {
      const alerts = outputTag<Alert>('alerts')
      const out = stream.process('p', {
        processElement(r, ctx) {
          // @ts-expect-error not an alert
          ctx.output(alerts, r.celsius)
          // @ts-expect-error jump is missing
          ctx.output(alerts, { sensor: r.sensor })
        },
      })
      // @ts-expect-error the tag carries alerts
      const readingsAgain: DataStream<Reading> = out.getSideOutput(alerts)
      void readingsAgain
      const windows = stream.keyBy((r) => r.sensor).window(tumblingEventTimeWindows(10))
      // @ts-expect-error late records are readings
      windows.sideOutputLateData(alerts)
    })
  })

  test('a field that is no number', () => {
    build((_env, stream) => {
      const keyed = stream.keyBy((r) => r.sensor)
      // @ts-expect-error text
      keyed.sum('s', 'sensor')
      // @ts-expect-error no such field
      keyed.max('m', 'fahrenheit')
      // @ts-expect-error may be undefined
      keyed.minBy('n', 'note')
      keyed.minBy('o', 'sensor')
      // @ts-expect-error text
      keyed.window(tumblingEventTimeWindows(10)).sum('w', 'sensor')
    })
  })

  test('a sink or source of the wrong type, and wrong options', () => {
    build((env, stream) => {
      // @ts-expect-error a sink of alerts
      stream.sinkTo('a', sinkOf<Alert>())
      // @ts-expect-error a sink of numbers
      stream.sinkTo('b', sinkOf<number>())
      // @ts-expect-error sinks need records with a note
      stream.sinkTo('c', sinkOf<{ readonly note: string }>())
      // @ts-expect-error no uid
      stream.sinkTo(sinkOf<Reading>())
      // @ts-expect-error not a source
      env.source('s', { poll: () => 'end' })
      // @ts-expect-error the uid is an argument already
      stream.process('p', { processElement() {} }, { uid: 'q' })
      // @ts-expect-error no such option
      defineJob({ name: 'x', checkpoints: {} }, () => {})
      // @ts-expect-error no name
      defineJob({}, () => {})
    })
  })
})
