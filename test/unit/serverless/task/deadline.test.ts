import { describe, expect, test } from 'vitest'
import { httpPost, sqsQueue } from '../../../../lib/index.ts'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import type { Invocation } from '../../../../lib/serverless/runtime.ts'
import { MemoryOutside } from '../../../world/memory-outside.ts'
import { OneTask, records, watermark, type OneTaskOptions, type Poll, type Sighting } from './one-task.ts'

const LIMIT_MS = 30_000
/** Of the messages' queue: one that has come more often fails the job. */
const RECEIVES_MAX = 10

/** Invocations that end after 30 seconds, whatever is under way in them. */
class Invocations implements Invocation {
  count = 0
  #leftMs = 0

  begin(): this {
    this.count++
    this.#leftMs = LIMIT_MS
    return this
  }

  spend(ms: number): void {
    this.#leftMs -= ms
    // A fault of the platform: the turn comes to nothing.
    if (this.#leftMs <= 0) throw new PlatformFault('the invocation is killed')
  }

  remainingMs(): number {
    return this.#leftMs
  }
}

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`)

async function started(options: OneTaskOptions): Promise<OneTask> {
  const one = new OneTask(options)
  await one.begin(1)
  await one.process().handle([one.order({ type: 'start' })], { remainingMs: () => LIMIT_MS })
  one.reports()
  return one
}

/** 512 records a message, as sources send them. */
const messages = (one: OneTask, keys: readonly string[], more: Partial<Sighting> = {}): Delivery[] =>
  Array.from({ length: Math.ceil(keys.length / 512) }, (_, n) =>
    one.elements(0, records(...keys.slice(n * 512, (n + 1) * 512).map((key) => ({ key, ...more })))),
  )

/**
 * What has failed comes again, as often as a queue lets it, and one that has more to do nudges itself, until it is done: within
 * as many invocations as `invocationsMax`. None is killed: that would be a warning.
 */
async function handled(
  one: OneTask,
  time: Invocations,
  deliveries: readonly Delivery[],
  isDone: () => boolean,
  invocationsMax = RECEIVES_MAX,
): Promise<void> {
  const process = one.process()
  let left = deliveries
  while (left.length > 0 || !isDone()) {
    expect(time.count).toBeLessThan(invocationsMax)
    const failed = new Set(await process.handle(left.length > 0 ? left : [one.nudge()], time.begin()))
    expect(one.happenings).toEqual([])
    left = left.filter(({ messageId }) => failed.has(messageId))
  }
}

/** The world outside, where each call takes so long. */
function slowWorld(time: Invocations, ms: number): MemoryOutside {
  const outside = new MemoryOutside()
  outside.remainingMs = () => time.remainingMs()
  outside.before = () => time.spend(ms)
  return outside
}

describe('a turn ends in time', () => {
  test('between two records of an element, where user code is slow; the next goes on behind', async () => {
    const time = new Invocations()
    const one = await started({ working: () => time.spend(40) })
    const keys = keysOf(2_048)
    const counts: string[] = []
    const isDone = (): boolean => counts.push(...one.counts()) >= keys.length
    await handled(one, time, messages(one, keys), isDone, 5)
    expect(counts).toEqual(keys.map((key) => `${key}:1`))
  })

  test('among the timers of a watermark', async () => {
    const time = new Invocations()
    let workMs = 0
    const one = await started({ working: () => time.spend(workMs) })
    const keys = keysOf(1_024)
    await handled(one, time, messages(one, keys, { fireAtMs: 10 }), () => true)
    one.counts()
    workMs = 60
    const counts: string[] = []
    const isDone = (): boolean => counts.push(...one.counts()) >= keys.length
    await handled(one, time, [one.elements(0, watermark(20)), one.elements(1, watermark(20))], isDone)
    expect(counts.toSorted()).toEqual(keys.map((key) => `${key}!:2`).toSorted())
  })

  test('among the records that a source reads', async () => {
    const time = new Invocations()
    const left = keysOf(1_000)
    const poll: Poll = (collect) => {
      const key = left.shift()
      if (key === undefined) return 'wait'
      time.spend(100)
      collect({ key })
      return 'more'
    }
    const one = new OneTask({ vertex: 0, poll })
    await one.begin(1)
    await handled(one, time, [one.order({ type: 'start' })], () => left.length === 0, 6)
    const read = one.elementsSent().flatMap((element) => (element.kind === 'records' ? element.values : []))
    expect(read).toHaveLength(1_000)
  })
})

describe('a sink that is slow', () => {
  test.each([
    [50, 2_048],
    [300, 512],
  ])('gets a record a request, once each, at %d ms an answer', async (ms, count) => {
    const time = new Invocations()
    const outside = slowWorld(time, ms)
    const one = await started({ sink: httpPost({ url: 'http://x/', format: 'single' }), outside })
    const keys = keysOf(count)
    await handled(one, time, messages(one, keys), () => outside.posts.length >= keys.length)
    expect(outside.posts.map(({ body }) => (JSON.parse(body) as Sighting).key)).toEqual(keys)
  })

  test('gets the messages of one group, once each, over several turns', async () => {
    const time = new Invocations()
    const outside = slowWorld(time, 15)
    const one = await started({ sink: sqsQueue({ queue: 'q.fifo', group: () => 'all' }), outside })
    const keys = keysOf(2_048)
    await handled(one, time, messages(one, keys), () => outside.bodies('q.fifo').length >= keys.length, 3)
    expect(outside.calls).toHaveLength(keys.length)
    expect(outside.bodies('q.fifo').map((body) => (JSON.parse(body) as Sighting).key)).toEqual(keys)
  })

  test('that takes nothing for a while has the turn taken again, and fails nothing', async () => {
    const time = new Invocations()
    const outside = slowWorld(time, 1)
    const one = await started({ sink: sqsQueue({ queue: 'q' }), outside })
    const [message] = messages(one, ['a', 'b'])
    let isThrottled = true
    outside.entryAnswer = () =>
      isThrottled ? { type: 'unavailable', reason: 'KmsThrottled: slow' } : undefined
    const process = one.process()
    expect(await process.handle([message!], time.begin())).toEqual([message!.messageId])
    expect(one.reports()).toEqual([])
    isThrottled = false
    expect(await process.handle([message!], time.begin())).toEqual([])
    expect(outside.bodies('q')).toEqual(['{"key":"a"}', '{"key":"b"}'])
  })
})
