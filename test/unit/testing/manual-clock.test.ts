import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../../lib/testing/index.ts'

describe('ManualClock', () => {
  test('stands still until it is moved', () => {
    const clock = new ManualClock(1_000)
    expect(clock.now()).toBe(1_000)
    clock.advance(500)
    clock.advanceTo(1_600)
    expect(clock.now()).toBe(1_600)
    expect(() => clock.advanceTo(1_599)).toThrow('time goes on')
  })

  test('runs calls in order of time, then of scheduling, each at its time', () => {
    const clock = new ManualClock()
    const log: string[] = []
    const say = (name: string) => () => void log.push(`${name}@${clock.now()}`)
    clock.schedule(20, say('b'))
    clock.schedule(10, say('a'))
    clock.schedule(20, say('c'))
    clock.schedule(31, say('later'))
    expect(clock.nextCallMs).toBe(10)
    clock.advance(30)
    expect(log).toEqual(['a@10', 'b@20', 'c@20'])
    expect(clock.now()).toBe(30)
  })

  test('also what a call schedules, never within the scheduling itself', () => {
    const clock = new ManualClock(100)
    const times: number[] = []
    const tick = () => {
      times.push(clock.now())
      if (times.length < 4) clock.schedule(clock.now() + 10, tick)
    }
    clock.schedule(50, tick)
    expect(times).toEqual([])
    clock.advance(25)
    expect(times).toEqual([100, 110, 120])
  })

  test('a cancelled call does not run', () => {
    const clock = new ManualClock()
    const call = clock.schedule(10, () => expect.unreachable())
    call.cancel()
    call.cancel()
    clock.advance(20)
    expect(clock.nextCallMs).toBeUndefined()
  })
})
