import { describe, expect, it } from 'vitest'
import { COORDINATOR } from '../../lib/model/actors.ts'
import type { LogEntry } from '../../lib/ports/turn-log.ts'
import { ManualClock, SeededRandom } from '../../lib/testing/index.ts'
import { CallLedger } from '../world/call-ledger.ts'
import { MemoryTurnLog } from '../world/memory-turn-log.ts'
import type { MemoryTurnLogOptions } from '../world/memory-turn-log.ts'
import { PlannedFaults } from '../world/planned-faults.ts'
import { turnLogContract } from './turn-log.ts'

const pages: readonly (readonly [string, Omit<MemoryTurnLogOptions, 'clock'>])[] = [
  ['MemoryTurnLog', {}],
  ['MemoryTurnLog with an entry a page', { pageEntriesMax: 1 }],
]

for (const [name, options] of pages)
  turnLogContract(name, () => {
    const clock = new ManualClock(1_700_000_000_123)
    const model = new MemoryTurnLog({ clock, ...options })
    return Promise.resolve({
      log: model.client(),
      nowMs: () => clock.now(),
      expireAt: (atMs: number) => {
        clock.advanceTo(atMs)
        model.expire()
        return Promise.resolve()
      },
    })
  })

const entry = (number: number, length = 1): LogEntry => ({
  sort: `L#${number}`,
  body: new Uint8Array(length),
})

describe('MemoryTurnLog behaves like DynamoDB', () => {
  it('has the entry although the answer was lost, and tells a library that repeats by itself of its own entry', async () => {
    const faults = new PlannedFaults()
    const model = new MemoryTurnLog({ clock: new ManualClock() })
    const log = model.client({ faults })
    faults.loseAnswer('turn-log.append')
    await expect(log.append(COORDINATOR, entry(1), 100)).rejects.toThrow('was lost')
    faults.throttle('turn-log.append')
    await expect(log.append(COORDINATOR, entry(2), 100)).rejects.toThrow('was throttled')
    faults.repeat('turn-log.append')
    expect(await log.append(COORDINATOR, entry(3), 100)).toBe('exists')
    expect(model.entries(COORDINATOR).map(({ sort }) => sort)).toEqual(['L#1', 'L#3'])
  })

  it('takes each expired entry by chance, and none before its time', async () => {
    const clock = new ManualClock()
    const model = new MemoryTurnLog({ clock })
    for (let number = 0; number < 40; number++)
      await model.client().append(COORDINATOR, entry(number), number < 20 ? 10 : 1000)
    const random = new SeededRandom(3)
    expect(model.expire(random)).toBe(0)
    clock.advance(11_000)
    const vanished = model.expire(random)
    expect(vanished).toBeGreaterThan(0)
    expect(vanished).toBeLessThan(20)
    expect(model.expire()).toBe(20 - vanished)
    expect(model.entries(COORDINATOR)).toHaveLength(20)
    expect(model.actors()).toEqual([COORDINATOR])
  })

  it('counts units: 1 KB written, 4 KB read, also where the condition failed', async () => {
    const ledger = new CallLedger()
    const log = new MemoryTurnLog({ clock: new ManualClock() }).client({ ledger })
    await log.append(COORDINATOR, entry(1, 3000), 100)
    await log.append(COORDINATOR, entry(1, 3000), 100)
    expect(ledger.units('turn-log.append').writeUnits).toBe(6)
    await log.append(COORDINATOR, entry(2, 3000), 100)
    await log.read(COORDINATOR, undefined)
    expect(ledger.units('turn-log.read').readUnits).toBe(2)
    await log.read(COORDINATOR, 'L#2')
    expect(ledger.units('turn-log.read').readUnits).toBe(3)
    await log.putHead(COORDINATOR, { version: '1', body: new Uint8Array(500) })
    await log.head(COORDINATOR)
    expect([ledger.calls('turn-log'), ledger.units().writeUnits, ledger.units().readUnits]).toEqual([
      7, 10, 4,
    ])
    expect(ledger.reset()).toHaveLength(4)
    expect(ledger.calls()).toBe(0)
  })
})
