// What tests of jobs and functions need: see docs/testing.md.

export { ManualClock } from './manual-clock.ts'
export { SeededRandom } from './seeded-random.ts'
export {
  testHarness,
  type HarnessOptions,
  type OperatorHarness,
  type PipelineFragment,
  type TimestampedRecord,
} from './operator-harness.ts'
export type { HarnessSnapshot } from './harness-snapshot.ts'
