import { describe, expect, test } from 'vitest'
import { caseFor, MISTAKES } from './serverless/mistakes.ts'
import { runCase } from './serverless/run.ts'

/** More than most of these cases come to where nothing is wrong. One that is larger is not stuck, but shows nothing. */
const STEPS_MAX = 100_000

describe('the simulator notices a runtime that', () => {
  test.each(MISTAKES)('$name, within $within cases', { timeout: 300_000 }, async (mistake) => {
    let noticed = false
    for (let seed = mistake.from; seed < mistake.from + mistake.within && !noticed; seed++) {
      const one = caseFor(mistake, seed)
      const { problems } = await runCase(one, { mistake: mistake.make(), stepsMax: STEPS_MAX })
      if (!problems.some((problem) => problem.includes(mistake.as ?? ''))) continue
      // It counts only where the mistake alone is what is wrong.
      const without = await runCase(one, { stepsMax: STEPS_MAX })
      noticed = without.problems.length === 0
    }
    expect(noticed).toBe(true)
  })
})
