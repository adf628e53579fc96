import { describe, expect, it } from 'vitest'
import { COORDINATOR, ingestActor, taskActor } from '../../lib/model/actors.ts'
import { taskId } from '../../lib/model/ids.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import type { SafetySchedule, WakeUps } from '../../lib/ports/wake-ups.ts'
import { notShown, opener } from './harness.ts'
import type { Gaps, Harness } from './harness.ts'

/** Wake-ups, and what relays them to actors. */
export interface WakeUpsHarness extends Harness {
  readonly wakeUps: WakeUps
  readonly schedule: SafetySchedule
  /** Epoch milliseconds. */
  nowMs(): number
  /** Lets this time come: by moving the clock, or by waiting for it. */
  until(atMs: number): Promise<void>
  /** Actors that were nudged since the last call, after everything that is due was relayed. */
  nudged(): Promise<readonly ActorId[]>
  /** Whether the minute's tick is on. */
  ticks(): Promise<boolean>
}

/**
 * `movesTime`: hours can pass. `schedules`: there is a schedule to turn on and off.
 */
export type WakeUpsCapability = 'movesTime' | 'schedules'

const TASK = taskActor(taskId('vertex', 1))
const INGEST = ingestActor('quelle "é" 漢字 😀#', 3)
const MINUTE_MS = 60_000
/** “Within seconds where nothing is overloaded.” */
const LATE_MS = 5000

/** What every implementation of wake-ups must do, whatever it waits with. */
export function wakeUpsContract(
  name: string,
  openOne: () => Promise<WakeUpsHarness>,
  gaps: Gaps<WakeUpsCapability> = {},
): void {
  describe(`${name} keeps the contract of wake-ups${notShown(gaps)}`, () => {
    const open = opener(openOne)
    soon(open)
    if (gaps.movesTime === undefined) farAhead(open)
    if (gaps.schedules === undefined) schedule(open)
  })
}

function soon(open: () => Promise<WakeUpsHarness>): void {
  it('nudges nobody who did not ask', async () => {
    const harness = await open()
    expect(await harness.nudged()).toEqual([])
  })

  it('takes a past time for now', async () => {
    const harness = await open()
    for (const atMs of [0, harness.nowMs() - 1, harness.nowMs()]) await harness.wakeUps.wakeAt(TASK, atMs)
    await harness.until(harness.nowMs() + 1000)
    const nudged = await harness.nudged()
    expect(nudged.length).toBeGreaterThanOrEqual(3)
    expect(new Set(nudged)).toEqual(new Set([TASK]))
  })

  it('wakes each actor for itself, not before its time and within seconds', async () => {
    const harness = await open()
    const nowMs = harness.nowMs()
    await harness.wakeUps.wakeAt(COORDINATOR, nowMs + 2500)
    await harness.wakeUps.wakeAt(INGEST, nowMs + 500)
    await harness.wakeUps.wakeAt(TASK, nowMs + 500.5)
    expect(await harness.nudged()).toEqual([])
    await harness.until(nowMs + 1600)
    expect(new Set(await harness.nudged())).toEqual(new Set([INGEST, TASK]))
    await harness.until(nowMs + 3600)
    expect(new Set(await harness.nudged())).toEqual(new Set([COORDINATOR]))
  })
}

function farAhead(open: () => Promise<WakeUpsHarness>): void {
  it.each([1, 899_999, 900_000, 900_001, 1_800_000, 5 * 3_600_000])(
    'wakes at or after its time and within seconds, %d ms ahead',
    async (aheadMs) => {
      const harness = await open()
      // A time that is no whole second.
      await harness.until(harness.nowMs() + 347)
      const dueMs = harness.nowMs() + aheadMs
      await harness.wakeUps.wakeAt(TASK, dueMs)
      for (let atMs = harness.nowMs() + MINUTE_MS; atMs < dueMs; atMs += MINUTE_MS) {
        await harness.until(atMs)
        expect(await harness.nudged()).toEqual([])
      }
      await harness.until(dueMs - 1)
      expect(await harness.nudged()).toEqual([])
      await harness.until(dueMs + LATE_MS)
      expect(new Set(await harness.nudged())).toEqual(new Set([TASK]))
    },
  )
}

function schedule(open: () => Promise<WakeUpsHarness>): void {
  it('turns the tick on and off, as often as it is told', async () => {
    const harness = await open()
    expect(await harness.ticks()).toBe(false)
    for (const [name, isOn] of [
      ['enable', true],
      ['enable', true],
      ['disable', false],
      ['disable', false],
      ['enable', true],
    ] as const) {
      await harness.schedule[name]()
      expect(await harness.ticks()).toBe(isOn)
    }
  })
}
