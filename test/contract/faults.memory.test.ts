import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../lib/testing/index.ts'
import { Crash, describeOperation, NO_FAULTS, perform } from '../world/faults.ts'
import type { Faults, Operation } from '../world/faults.ts'
import { MemoryWorld } from '../world/memory-world.ts'
import { COORDINATOR } from '../../lib/model/actors.ts'

const OPERATION: Operation = { port: 'turn-log', name: 'append', actor: COORDINATOR, subject: 'L#1' }

const crash = (operation: Operation) => Promise.reject(new Crash(operation))

describe('faults around a request', () => {
  it('come before it, and it has no effect, or after it, and nobody learns of the effect', async () => {
    let effects = 0
    const effect = () => ++effects
    await expect(perform({ ...NO_FAULTS, before: crash }, OPERATION, effect)).rejects.toThrow(
      'the process died at turn-log.append coordinator L#1',
    )
    expect(effects).toBe(0)
    await expect(perform({ ...NO_FAULTS, after: crash }, OPERATION, effect)).rejects.toThrow(Crash)
    expect(effects).toBe(1)
    expect(describeOperation({ port: 'schedule', name: 'enable' })).toBe('schedule.enable')
  })

  it('are those of the process that asks: one that is dead hears nothing, and what it had sent takes effect', async () => {
    const clock = new ManualClock()
    const world = new MemoryWorld({ clock })
    const later = (ms: number) =>
      new Promise<void>((resolve) => void clock.schedule(clock.now() + ms, resolve))
    const never = new Promise<never>(() => {})
    const dying: Faults = { ...NO_FAULTS, before: () => later(50), after: () => never }
    const entry = { sort: 'L#1', body: Uint8Array.of(1) }
    let heard = false
    void world
      .ports({ faults: dying })
      .log.append(COORDINATOR, entry, 100)
      .then(() => (heard = true))
    const { log } = world.ports()
    expect((await log.read(COORDINATOR, undefined)).entries).toEqual([])
    clock.advance(50)
    expect(await log.append(COORDINATOR, { sort: 'L#1', body: Uint8Array.of(2) }, 100)).toBe('exists')
    expect((await log.read(COORDINATOR, undefined)).entries).toEqual([entry])
    expect(heard).toBe(false)
  })
})
