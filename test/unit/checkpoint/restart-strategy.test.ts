import { describe, expect, it } from 'vitest'
import { decideRestart, initialRestartState } from '../../../lib/checkpoint/restart-strategy.ts'
import type { RestartStrategyConfig } from '../../../lib/stream/config.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** The delays granted to failures at these times, up to the one that ends the job: 'end'. */
function play(
  config: RestartStrategyConfig,
  failuresAtMs: readonly number[],
  random = 0.5,
): (number | 'end')[] {
  let state = initialRestartState
  const delays: (number | 'end')[] = []
  for (const atMs of failuresAtMs) {
    const decision = decideRestart(config, state, atMs, () => random)
    state = decision.state
    delays.push(decision.restart ? decision.delayMs : 'end')
  }
  return delays
}

const exponential = (changes: object = {}): RestartStrategyConfig => ({
  type: 'exponential-delay',
  initialDelayMs: SECOND,
  backoffMultiplier: 1.5,
  maxDelayMs: MINUTE,
  resetAfterMs: 60 * MINUTE,
  jitterFactor: 0,
  attempts: Infinity,
  ...changes,
})

describe('none', () => {
  it('ends at the first failure', () => {
    expect(play({ type: 'none' }, [0])).toEqual(['end'])
  })
})

describe('fixed delay grants so many restarts; the failure after the last one ends the job', () => {
  it.each([
    [3, 10 * SECOND, [10_000, 10_000, 10_000, 'end']],
    [3, 5 * SECOND, [5_000, 5_000, 5_000, 'end']],
    [2, 3 * SECOND, [3_000, 3_000, 'end']],
    [0, SECOND, ['end']],
  ] as const)('%i restarts of %i ms', (attempts, delayMs, expected) => {
    expect(
      play(
        { type: 'fixed-delay', attempts, delayMs },
        expected.map((_, index) => index * MINUTE),
      ),
    ).toEqual(expected)
  })

  it('without limit', () => {
    const delays = play(
      { type: 'fixed-delay', attempts: Infinity, delayMs: 1 },
      Array.from({ length: 500 }, () => 0),
    )
    expect(new Set(delays)).toEqual(new Set([1]))
  })
})

describe('failure rate: the failure that is the Nth within the interval ends the job', () => {
  it.each([
    ['3 per 5 min, all at once', 3, 5 * MINUTE, 10 * SECOND, [0, 0, 0], [10_000, 10_000, 'end']],
    ['3 per 1 min, 20 s apart', 3, MINUTE, 3 * SECOND, [0, 20_000, 40_000], [3_000, 3_000, 'end']],
    ['3 per 1 min, exactly an interval', 3, MINUTE, 3 * SECOND, [0, 30_000, 60_000], [3_000, 3_000, 'end']],
    [
      '3 per 1 min, just over it',
      3,
      MINUTE,
      3 * SECOND,
      [0, 30_000, 60_001, 90_002],
      [3_000, 3_000, 3_000, 3_000],
    ],
    ['5 per 5 min', 5, 5 * MINUTE, 10 * SECOND, [0, 1, 2, 3, 4], [10_000, 10_000, 10_000, 10_000, 'end']],
    ['1 per interval', 1, MINUTE, 0, [0], ['end']],
    ['a quiet time between', 2, MINUTE, 0, [0, 70_000, 140_000, 150_000], [0, 0, 0, 'end']],
  ] as const)('%s', (_, maxFailuresPerInterval, intervalMs, delayMs, failures, expected) => {
    expect(play({ type: 'failure-rate', maxFailuresPerInterval, intervalMs, delayMs }, failures)).toEqual(
      expected,
    )
  })

  it('remembers no more failures than it needs', () => {
    const config = { type: 'failure-rate', maxFailuresPerInterval: 3, intervalMs: 1, delayMs: 0 } as const
    let state = initialRestartState
    for (let atMs = 0; atMs < 1_000; atMs += 10) state = decideRestart(config, state, atMs, () => 0).state
    expect(state.failuresAtMs).toHaveLength(3)
  })
})

describe('exponential delay', () => {
  it('grows by the multiplier from the initial delay to the maximum', () => {
    const delays = play(exponential({ maxDelayMs: 4 * SECOND }), [0, 2_000, 5_000, 9_000, 14_000, 20_000])
    expect(delays).toEqual([1_000, 1_500, 2_250, 3_375, 4_000, 4_000])
  })

  it('starts again after a quiet time, counted from when the last restart was due', () => {
    const config = exponential({ resetAfterMs: 10 * SECOND, attempts: 2 })
    expect(play(config, [0, 5_000, 5_000 + 1_500 + 9_999])).toEqual([1_000, 1_500, 'end'])
    expect(play(config, [0, 5_000, 5_000 + 1_500 + 10_000])).toEqual([1_000, 1_500, 1_000])
  })

  it.each([
    [0, 1_350],
    [0.5, 1_500],
    [0.999999, 1_650],
  ])('varies by the jitter: %d gives %d ms', (random, expected) => {
    expect(play(exponential({ jitterFactor: 0.1 }), [0, 2_000], random)[1]).toBe(expected)
  })

  it('keeps within the initial and the maximum delay, however large the jitter and the count', () => {
    for (const random of [0, 0.5, 0.999]) {
      const failures = Array.from({ length: 3_000 }, (_, index) => index)
      for (const delay of play(exponential({ jitterFactor: 1 }), failures, random)) {
        expect(delay).toBeGreaterThanOrEqual(SECOND)
        expect(delay).toBeLessThanOrEqual(MINUTE)
      }
    }
  })
})
