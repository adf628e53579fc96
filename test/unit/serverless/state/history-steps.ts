import * as fc from '../../../fast-check.ts'
import type { TimerDomain } from '../../../../lib/state/keyed-backend.ts'

export const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

export interface Change {
  readonly kind:
    | 'update'
    | 'clear'
    | 'reduce'
    | 'add'
    | 'addMany'
    | 'put'
    | 'putMany'
    | 'remove'
    | 'removeMany'
    | 'event'
    | 'processing'
    | 'untimer'
  readonly key: string
  readonly n: number
}

export type Step =
  | { readonly type: 'turn'; readonly changes: readonly Change[] }
  | { readonly type: 'fire'; readonly domain: TimerDomain; readonly upTo: number; readonly limit: number }
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'expire' }
  | { readonly type: 'fold'; readonly part: number }
  | { readonly type: 'materialize'; readonly rowsMax: number; readonly commits: boolean }
  | { readonly type: 'zombie'; readonly index: number }
  | { readonly type: 'look'; readonly keys: readonly string[] }
  | { readonly type: 'restart' }
  | { readonly type: 'back'; readonly part: number }

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom<Change['kind']>('update', 'clear', 'reduce', 'add', 'addMany') },
    { weight: 1, arbitrary: fc.constantFrom<Change['kind']>('put', 'putMany', 'remove', 'removeMany') },
    { weight: 2, arbitrary: fc.constantFrom<Change['kind']>('event', 'event', 'processing', 'untimer') },
  ),
  key: fc.constantFrom(...KEYS),
  n: fc.integer({ min: 0, max: 300 }),
})

/** A step, and which of two processes has it. */
export interface ByWhom {
  readonly by: number
  readonly step: Step
}

/** Everything that can happen. */
export const anyStep: fc.Arbitrary<ByWhom> = fc.record({
  by: fc.integer({ min: 0, max: 1 }),
  step: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constant('turn' as const),
        changes: fc.array(change, { minLength: 1, maxLength: 5 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('fire' as const),
        domain: fc.constantFrom<TimerDomain>('event', 'processing'),
        upTo: fc.integer({ min: 0, max: 320 }),
        limit: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 120 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ type: 'expire' } as const) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('fold' as const),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant('materialize' as const),
        rowsMax: fc.constantFrom(1, 3, 1_000),
        commits: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('look' as const),
        keys: fc.subarray(KEYS, { minLength: 1, maxLength: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('zombie' as const), index: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.constant({ type: 'restart' } as const) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('back' as const),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
  ),
})

/** Timers, and little else; rows leave memory and the overlay all the time. */
export const timerStep: fc.Arbitrary<ByWhom> = fc.record({
  by: fc.integer({ min: 0, max: 1 }),
  step: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('turn' as const),
        changes: fc.array(
          fc.record({
            kind: fc.constantFrom<Change['kind']>(
              'event',
              'event',
              'event',
              'processing',
              'untimer',
              'clear',
            ),
            key: fc.constantFrom(...KEYS),
            n: fc.integer({ min: 0, max: 31 }),
          }),
          { minLength: 1, maxLength: 6 },
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('fire' as const),
        domain: fc.constantFrom<TimerDomain>('event', 'event', 'processing'),
        upTo: fc.integer({ min: 0, max: 60 }),
        limit: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ type: 'fold', part: 1 } as const) },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('materialize' as const),
        rowsMax: fc.constantFrom(1, 1_000, 1_000),
        commits: fc.constantFrom(true, true, false),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ type: 'restart' } as const) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('zombie' as const), index: fc.nat(20) }) },
  ),
})
