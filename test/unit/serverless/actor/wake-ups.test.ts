import { describe, expect, test } from 'vitest'
import { ObjectGone, type Behaviour } from '../../../../lib/serverless/actor/behaviour.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { A, adder, Adders, forever, type Addend, type AdderState } from './adder.ts'

const EVERY_MS = 5_000

/** An actor that wants to be woken every five seconds, in a log that knows of the first wake-up. */
async function waiting() {
  const adders = new Adders()
  await adders.begin(A, 1)
  const beganMs = adders.clock.now()
  const next = { problem: undefined as Error | undefined, turnsMore: 0, wantsNone: false }
  const behaviour: Behaviour<AdderState, Addend> = {
    ...adder(undefined),
    step: async (_view, inputs, { nowMs }) => {
      const { problem, wantsNone } = next
      next.problem = undefined
      if (problem !== undefined) throw problem
      const timeMs = beganMs + (Math.floor((nowMs - beganMs) / EVERY_MS) + 1) * EVERY_MS
      const more = next.turnsMore-- > 0
      const wakeAtMs = wantsNone ? undefined : timeMs
      return { taken: inputs.length, delta: { add: 1 }, outgoing: [], nudges: [], wakeAtMs, more }
    },
  }
  const first = adders.process(A, behaviour)
  await first.handle([adders.nudge(A)], forever)
  return {
    clock: adders.clock,
    /** What the next turn does. */
    next,
    /** The process that had the turns so far. */
    warm: (...deliveries: readonly Delivery[]) => first.handle(deliveries, forever),
    /** One that reads all in the log. */
    cold: (...deliveries: readonly Delivery[]) => adders.process(A, behaviour).handle(deliveries, forever),
    nudge: () => adders.nudge(A),
    wakeUp: (atMs: number, messageId = 'wake-up'): Delivery => ({
      messageId,
      envelope: { kind: 'nudge', to: A, wakeUpAtMs: atMs },
    }),
    underWay: () => adders.world.wakeUps.queue.size,
    firstMs: beganMs + EVERY_MS,
  }
}

describe('a wake-up', () => {
  test('that is under way is not asked for again', async () => {
    const { warm, underWay, wakeUp, firstMs } = await waiting()
    expect(underWay()).toBe(1)
    await warm(wakeUp(firstMs - EVERY_MS))
    expect(underWay()).toBe(1)
  })

  test('that is at hand is known to have been sent', async () => {
    const { cold, underWay, wakeUp, clock, firstMs } = await waiting()
    clock.advance(EVERY_MS)
    await cold(wakeUp(firstMs))
    expect(underWay()).toBe(2)
  })

  test('that comes before its time by the clock of the log is asked for again, once', async () => {
    const { cold, next, underWay, wakeUp, firstMs } = await waiting()
    next.turnsMore = 3
    await cold(wakeUp(firstMs))
    expect([next.turnsMore, underWay()]).toEqual([-1, 2])
  })

  test('that comes too early is asked for again also where the log has to be read anew meanwhile', async () => {
    const { cold, next, underWay, wakeUp, firstMs } = await waiting()
    next.problem = new ObjectGone('what was folded')
    await cold(wakeUp(firstMs))
    expect([next.problem, underWay()]).toEqual([undefined, 2])
  })

  test('that comes too early is asked for again also where its turn has no use for it', async () => {
    const { cold, next, nudge, underWay, wakeUp, firstMs } = await waiting()
    next.wantsNone = true
    await cold(wakeUp(firstMs))
    next.wantsNone = false
    expect(underWay()).toBe(2)
    // The log still tells of it.
    await cold(nudge())
    expect(underWay()).toBe(2)
  })

  test('that comes twice, as after a crash, leads to one', async () => {
    const { warm, underWay, wakeUp, clock, firstMs } = await waiting()
    clock.advance(EVERY_MS)
    for (const messageId of ['one', 'another']) await warm(wakeUp(firstMs, messageId))
    expect(underWay()).toBe(2)
    clock.advance(EVERY_MS)
    await warm(wakeUp(firstMs + EVERY_MS, 'one'), wakeUp(firstMs + EVERY_MS, 'another'))
    await warm(wakeUp(firstMs + EVERY_MS, 'late'))
    expect(underWay()).toBe(3)
  })
})
