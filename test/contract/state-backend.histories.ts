import * as fc from '../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { HistoryRun, WEIGHTS, type Operation } from './state-backend.history-run.ts'
import type { SubjectMaker } from './state-backend.support.ts'

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.oneof(
    ...Object.entries(WEIGHTS).map(([kind, weight]) => ({
      weight,
      arbitrary: fc.constant(kind as Operation['kind']),
    })),
  ),
  key: fc.integer({ min: 0, max: 5 }),
  n: fc.integer({ min: 0, max: 600 }),
})

/** Found by chance: a snapshot of everything when nothing is left, after one that had a timer. */
const EMPTIED: Operation[] = (['timer', 'snapshot', 'fire', 'markAll'] as const).map((kind) => ({
  kind,
  key: 0,
  n: 0,
}))

export function anyHistory(maker: SubjectMaker): void {
  describe('any history', () => {
    test('gives what a plain model gives, with snapshots, merges and restores at any point', () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), (history) => {
          const run = new HistoryRun(maker)
          for (const each of history) run.step(each)
          expect(run.observed()).toEqual(run.expected())
          run.restore()
          expect(run.observed()).toEqual(run.expected())
          maker.closeAll()
        }),
        { numRuns: 150, examples: [[EMPTIED]] },
      )
    })
  })
}
