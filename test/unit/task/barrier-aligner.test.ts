import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { BarrierAligner } from '../../../lib/task/barrier-aligner.ts'

type Mode = 'exactly-once' | 'at-least-once'
/** `b0:1` barrier 1 on channel 0; `a1` abort of 1. */
type Script = readonly (readonly [step: string, outcome: string])[]

/** What comes of each step: the outcome of a barrier, then the channels that are blocked. */
function play(mode: Mode, channels: number, script: Script): Script {
  const aligner = new BarrierAligner(channels, mode)
  return script.map(([step], at) => {
    const [channel, id] = step.slice(1).split(':').map(Number) as [number, number]
    let outcome = ''
    if (step.startsWith('a')) aligner.onAborted(channel)
    else outcome = aligner.onBarrier(channel, id, at).type
    const blocked = Array.from({ length: channels }, (_, one) => one).filter((one) => aligner.isBlocked(one))
    return [step, [outcome, ...blocked].join(' ')] as const
  })
}

describe('BarrierAligner', () => {
  test.for<[string, Mode, number, Script]>([
    [
      'one channel completes at once',
      'exactly-once',
      1,
      [
        ['b0:1', 'complete'],
        ['b0:2', 'complete'],
      ],
    ],
    [
      'channels with their barrier are blocked until the last comes',
      'exactly-once',
      3,
      [
        ['b1:1', 'waiting 1'],
        ['b0:1', 'waiting 0 1'],
        ['b2:1', 'complete'],
        ['b2:2', 'waiting 2'],
      ],
    ],
    [
      'an abort unblocks; late barriers of it are stale',
      'exactly-once',
      2,
      [
        ['b0:1', 'waiting 0'],
        ['a1', ''],
        ['b1:1', 'stale'],
        ['b1:2', 'waiting 1'],
        ['b0:2', 'complete'],
      ],
    ],
    [
      'an abort before the first barrier',
      'exactly-once',
      2,
      [
        ['a1', ''],
        ['b0:1', 'stale'],
        ['b1:1', 'stale'],
        ['b0:2', 'waiting 0'],
        ['b1:2', 'complete'],
      ],
    ],
    [
      'an abort of a later checkpoint leaves the one under way alone',
      'exactly-once',
      2,
      [
        ['b0:1', 'waiting 0'],
        ['a2', ' 0'],
        ['b1:1', 'complete'],
        ['b0:2', 'stale'],
        ['b1:2', 'stale'],
      ],
    ],
    [
      'an abort of a later checkpoint leaves one that has not begun alone',
      'exactly-once',
      2,
      [
        ['a2', ''],
        ['b0:1', 'waiting 0'],
        ['b1:1', 'complete'],
        ['b1:2', 'stale'],
      ],
    ],
    [
      'a newer barrier gives up the older one',
      'exactly-once',
      2,
      [
        ['b0:1', 'waiting 0'],
        ['b1:2', 'waiting 1'],
        ['b0:2', 'complete'],
      ],
    ],
    [
      'an abort of a completed checkpoint changes nothing',
      'exactly-once',
      2,
      [
        ['b0:1', 'waiting 0'],
        ['b1:1', 'complete'],
        ['a1', ''],
        ['b0:2', 'waiting 0'],
        ['b1:2', 'complete'],
      ],
    ],
    [
      'at least once: nothing is blocked, several are under way',
      'at-least-once',
      2,
      [
        ['b0:1', 'waiting'],
        ['b0:2', 'waiting'],
        ['b0:3', 'waiting'],
        ['b1:1', 'complete'],
        ['b1:2', 'complete'],
        ['b1:3', 'complete'],
      ],
    ],
    [
      'at least once: an older one that a channel skipped is overtaken',
      'at-least-once',
      2,
      [
        ['b0:1', 'waiting'],
        ['b0:2', 'waiting'],
        ['b1:2', 'complete'],
        ['b1:3', 'waiting'],
      ],
    ],
    [
      'at least once: an aborted one never completes',
      'at-least-once',
      2,
      [
        ['b0:1', 'waiting'],
        ['b0:2', 'waiting'],
        ['a2', ''],
        ['b1:1', 'complete'],
        ['b1:2', 'stale'],
      ],
    ],
  ])('%s', ([, mode, channels, script]) => {
    expect(play(mode, channels, script)).toEqual(script)
  })

  test('says how long it waited', () => {
    const aligner = new BarrierAligner(2, 'exactly-once')
    aligner.onBarrier(1, 1, 1_000)
    expect(aligner.onBarrier(0, 1, 1_250)).toEqual({ type: 'complete', alignmentMs: 250 })
  })

  const interleaving = fc.record({
    channels: fc.integer({ min: 1, max: 4 }),
    checkpoints: fc.integer({ min: 1, max: 6 }),
    /** Which channel moves next, or which checkpoint is aborted. */
    steps: fc.array(
      fc.oneof(
        { weight: 9, arbitrary: fc.record({ channel: fc.nat({ max: 3 }) }) },
        { weight: 1, arbitrary: fc.record({ abort: fc.integer({ min: 1, max: 6 }) }) },
      ),
      { maxLength: 120 },
    ),
  })

  /** Each channel delivers record, barrier 1, record, barrier 2, …: what is taken, in order. */
  function run(
    mode: Mode,
    { channels, checkpoints, steps }: typeof interleaving extends fc.Arbitrary<infer T> ? T : never,
  ) {
    const aligner = new BarrierAligner(channels, mode)
    const position = Array.from({ length: channels }, () => 0)
    const aborted = new Set<number>()
    const completed: number[] = []
    const taken: number[] = []
    let cutsBroken = 0
    const move = (channel: number): boolean => {
      const at = position[channel]!
      if (at >= checkpoints * 2 + 1 || aligner.isBlocked(channel)) return false
      position[channel] = at + 1
      // Even positions are records: the one at 2n comes after barrier n.
      if (at % 2 === 0) taken.push(at / 2)
      else {
        const outcome = aligner.onBarrier(channel, (at + 1) / 2, 0)
        if (outcome.type === 'complete') {
          completed.push((at + 1) / 2)
          if (Math.max(...taken) >= (at + 1) / 2) cutsBroken++
        }
      }
      return true
    }
    for (const step of steps) {
      if ('channel' in step) move(step.channel % channels)
      else {
        aborted.add(step.abort)
        aligner.onAborted(step.abort)
      }
    }
    // Then everything is delivered, however it was interleaved so far.
    for (let moved = true; moved;) {
      moved = false
      for (let channel = 0; channel < channels; channel++) if (move(channel)) moved = true
    }
    return { completed, aborted, cutsBroken, delivered: position.every((at) => at === checkpoints * 2 + 1) }
  }

  test.for<Mode>(['exactly-once', 'at-least-once'])('%s: for every interleaving with aborts', (mode) => {
    fc.assert(
      fc.property(interleaving, (input) => {
        const { completed, aborted, delivered, cutsBroken } = run(mode, input)
        expect(delivered, 'no channel stays blocked').toBe(true)
        expect(new Set(completed).size, 'completes once').toBe(completed.length)
        expect(completed, 'in order').toEqual(completed.toSorted((a, b) => a - b))
        const owed = Array.from({ length: input.checkpoints }, (_, index) => index + 1)
        expect(completed, 'what nobody aborted completes').toEqual(
          expect.arrayContaining(owed.filter((id) => !aborted.has(id))),
        )
        // The cut: at completion no record of any channel from after the barrier was taken.
        expect(mode === 'exactly-once' ? cutsBroken : 0).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })
})
