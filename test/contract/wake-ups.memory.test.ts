import { describe, expect, it } from 'vitest'
import { COORDINATOR } from '../../lib/model/actors.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import { decodeWakeUp } from '../../lib/serverless/relay/wake-up.ts'
import { ManualClock, SeededRandom } from '../../lib/testing/index.ts'
import { CallLedger } from '../world/call-ledger.ts'
import { MemoryWakeUps } from '../world/memory-wake-ups.ts'
import { PlannedFaults } from '../world/planned-faults.ts'
import { wakeUpsContract } from './wake-ups.ts'

/** Receives what is there; what came before its time goes on its way again. */
async function relay(model: MemoryWakeUps, clock: ManualClock): Promise<ActorId[]> {
  const nudged: ActorId[] = []
  for (let messages = model.queue.receive(); messages.length > 0; messages = model.queue.receive()) {
    for (const { body } of messages) {
      const { actor, atMs } = decodeWakeUp(new TextDecoder().decode(body))!
      if (atMs <= clock.now()) nudged.push(actor)
      else await model.client().wakeAt(actor, atMs)
    }
    model.queue.delete(messages.map(({ receiptHandle }) => receiptHandle))
  }
  return nudged
}

wakeUpsContract('MemoryWakeUps', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const model = new MemoryWakeUps({ clock })
  const nudged: ActorId[] = []
  return Promise.resolve({
    wakeUps: model.client(),
    schedule: model.schedule(),
    nowMs: () => clock.now(),
    until: async (atMs) => {
      for (;;) {
        nudged.push(...(await relay(model, clock)))
        const nextMs = model.queue.nextReceivableMs
        if (nextMs === undefined || nextMs > atMs) break
        clock.advanceTo(nextMs)
      }
      clock.advanceTo(atMs)
    },
    nudged: async () => [...nudged.splice(0), ...(await relay(model, clock))],
    ticks: () => Promise.resolve(model.scheduleEnabled),
  })
})

describe('MemoryWakeUps behaves like a standard queue', () => {
  it('comes in any order, and hides what is being looked at', async () => {
    const clock = new ManualClock()
    const random = new SeededRandom(2)
    const orders = new Set<string>()
    for (let round = 0; round < 200; round++) {
      const { queue } = new MemoryWakeUps({ clock })
      for (const number of [0, 1, 2]) queue.send(Uint8Array.of(number), 0)
      orders.add(
        queue
          .receive(10, random)
          .map(({ body }) => body[0])
          .join(),
      )
    }
    // Any of three, any two, or all, in any order.
    expect(orders.size).toBe(3 + 6 + 6)
  })

  it('delivers again what was not deleted in time, what was given back, and what was deleted', async () => {
    const clock = new ManualClock()
    const { queue } = new MemoryWakeUps({ clock, visibilityMs: 1000 })
    expect([queue.size, queue.nextReceivableMs, queue.redeliver(new SeededRandom(1))]).toEqual([
      0,
      undefined,
      false,
    ])
    queue.send(Uint8Array.of(1), 2)
    expect([queue.receive(), queue.nextReceivableMs]).toEqual([[], 2000])
    clock.advance(2000)
    const [first] = queue.receive()
    expect(queue.receive()).toEqual([])
    clock.advance(1000)
    const [second] = queue.receive()
    expect(second!.receiveCount).toBe(2)
    queue.delete([first!.receiptHandle])
    queue.changeVisibility(first!.receiptHandle, 0)
    expect([queue.size, queue.receive()]).toEqual([1, []])
    queue.changeVisibility(second!.receiptHandle, 0)
    const [third] = queue.receive()
    queue.delete([third!.receiptHandle])
    expect(queue.size).toBe(0)
    expect(queue.redeliver(new SeededRandom(1))).toBe(true)
    expect(queue.receive()[0]!.body).toEqual(Uint8Array.of(1))
  })

  it('loses a message only where it is told to', () => {
    const { queue } = new MemoryWakeUps({ clock: new ManualClock() })
    expect(queue.lose(new SeededRandom(1))).toBe(false)
    queue.send(Uint8Array.of(1), 900)
    expect(queue.lose(new SeededRandom(1))).toBe(true)
    expect(queue.size).toBe(0)
  })

  it.each([-1, 0.5, 901])('refuses a delay of %d seconds', (delaySeconds) => {
    const { queue } = new MemoryWakeUps({ clock: new ManualClock() })
    expect(() => queue.send(Uint8Array.of(1), delaySeconds)).toThrow('a delay is a whole number of seconds')
  })

  it('goes by the clock of the process that asks, which may be wrong', async () => {
    const clock = new ManualClock(100_000)
    const model = new MemoryWakeUps({ clock })
    await model.client({ now: () => 130_000 }).wakeAt(COORDINATOR, 140_000)
    expect(model.queue.nextReceivableMs).toBe(110_000)
  })

  it('rejects where the request fails, and sends twice what a library repeats by itself', async () => {
    const faults = new PlannedFaults()
    const ledger = new CallLedger()
    const model = new MemoryWakeUps({ clock: new ManualClock() })
    const wakeUps = model.client({ faults, ledger })
    faults.throttle('wake-ups.wake-at')
    await expect(wakeUps.wakeAt(COORDINATOR, 5)).rejects.toThrow('was throttled')
    expect(model.queue.size).toBe(0)
    faults.repeat('wake-ups.wake-at')
    await wakeUps.wakeAt(COORDINATOR, 5)
    expect(model.queue.size).toBe(2)
    expect([ledger.calls('wake-ups'), ledger.units().standardRequests]).toEqual([2, 2])
    faults.loseAnswer('schedule.enable')
    const schedule = model.schedule({ faults, ledger })
    await expect(schedule.enable()).rejects.toThrow('was lost')
    expect([model.scheduleEnabled, ledger.calls('schedule')]).toEqual([true, 1])
  })
})
