import * as fc from '../../../fast-check.ts'
import { expect, test } from 'vitest'
import { play } from './history-run.ts'
import { anyStep, timerStep, type ByWhom } from './history-steps.ts'

const WHATEVER = 'whatever is materialized, expires, restarts and goes back'

const histories = (steps: fc.Arbitrary<ByWhom>, stepsMax: number): fc.Arbitrary<ByWhom[]> =>
  fc.array(steps, { minLength: 5, maxLength: stepsMax, size: 'max' })

test.for([undefined, '100 ms'])(
  `any history gives what the heap gives with a time-to-live of %s, ${WHATEVER} (invariants 6, 10)`,
  { timeout: 120_000 },
  async (ttl) => {
    await fc.assert(
      fc.asyncProperty(histories(anyStep, 50), async (history) => {
        expect(await play(history, ttl)).toBe(history.length)
      }),
      { numRuns: 150 },
    )
  },
)

test(
  `no timer is lost or fires twice or out of order, ${WHATEVER} (invariant 10)`,
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(histories(timerStep, 60), async (history) => {
        expect(await play(history, undefined)).toBe(history.length)
      }),
      { numRuns: 200 },
    )
  },
)
