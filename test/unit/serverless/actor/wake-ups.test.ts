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
  let problem: Error | undefined
  const behaviour: Behaviour<AdderState, Addend> = {
    ...adder(undefined),
    step: async (_view, inputs, { nowMs }) => {
      const thrown = problem
      problem = undefined
      if (thrown !== undefined) throw thrown
      const wakeAtMs = beganMs + (Math.floor((nowMs - beganMs) / EVERY_MS) + 1) * EVERY_MS
      return { taken: inputs.length, delta: { add: 1 }, outgoing: [], nudges: [], wakeAtMs, more: false }
    },
  }
  const first = adders.process(A, behaviour)
  for (const nudge of [adders.nudge(A), adders.nudge(A)]) await first.handle([nudge], forever)
  return {
    clock: adders.clock,
    /** The process that had the turns so far. */
    warm: (...deliveries: readonly Delivery[]) => first.handle(deliveries, forever),
    /** One that reads all in the log. */
    cold: (...deliveries: readonly Delivery[]) => adders.process(A, behaviour).handle(deliveries, forever),
    wakeUp: (atMs: number, messageId = 'wake-up'): Delivery => ({
      messageId,
      envelope: { kind: 'nudge', to: A, wakeUpAtMs: atMs },
    }),
    throwOnce: (cause: Error) => void (problem = cause),
    underWay: () => adders.world.wakeUps.queue.size,
    firstMs: beganMs + EVERY_MS,
  }
}

describe('a wake-up', () => {
  test('that is under way is not asked for again', async () => {
    const { cold, underWay, wakeUp, firstMs } = await waiting()
    expect(underWay()).toBe(1)
    await cold(wakeUp(firstMs - EVERY_MS))
    expect(underWay()).toBe(1)
  })

  test('that comes before its time by the clock of the log is asked for again', async () => {
    const { cold, underWay, wakeUp, firstMs } = await waiting()
    await cold(wakeUp(firstMs))
    expect(underWay()).toBe(2)
  })

  test('that comes too early is asked for again also where the log has to be read anew meanwhile', async () => {
    const { cold, underWay, wakeUp, throwOnce, firstMs } = await waiting()
    throwOnce(new ObjectGone('what was folded'))
    await cold(wakeUp(firstMs))
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
