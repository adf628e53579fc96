import { describe, expect, test } from 'vitest'
import type { PoisonRecord } from '../../../lib/model/poison-records.ts'
import { hashOfRecord } from '../../../lib/state/record-identity.ts'
import type { DeadLetter } from '../../../lib/stream/source.ts'
import { PoisonGuard } from '../../../lib/task/poison-guard.ts'

const poisonOf = (value: unknown, timestampMs = 1): PoisonRecord => ({
  operatorUid: 'op',
  hash: hashOfRecord('op', { stage: 'operator', value, timestampMs })!,
  reason: 'boom',
  position: 'words#0, message 1, record 1',
})

function guarded(poison: readonly PoisonRecord[], isTaken = true) {
  const passed: unknown[] = []
  const letters: DeadLetter[] = []
  const metrics = {
    numRecordsIn: 0,
    numRecordsOut: 0,
    numLateRecordsDropped: 0,
    numDeadLetters: 0,
    currentWatermark: 0,
  }
  const next = {
    record: (value: unknown) => void passed.push(value),
    watermark: (ms: number) => void passed.push(`watermark ${ms}`),
    status: (idle: boolean) => void passed.push(idle),
  }
  const taker = { ...next, record: (value: unknown) => void letters.push(value as DeadLetter) }
  const place = {
    operatorUid: 'op',
    called: { stage: 'operator' as const },
    letters: () => (isTaken ? taker : undefined),
    metrics: () => metrics,
  }
  return { guard: new PoisonGuard(next, place, poison), passed, letters, metrics }
}

describe('a guard', () => {
  test('sends poison to the dead letters, and passes on all else', () => {
    const { guard, passed, letters, metrics } = guarded([poisonOf({ id: 7n })])
    guard.record({ id: 7n }, 1)
    guard.record({ id: 7n }, 2)
    guard.record({ id: 8n }, 1)
    guard.watermark(5)
    guard.status(true)
    expect(passed).toEqual([{ id: 7n }, { id: 8n }, 'watermark 5', true])
    expect(letters).toEqual([
      { operatorUid: 'op', position: 'words#0, message 1, record 1', reason: 'boom', raw: '{"id":"7n"}' },
    ])
    expect(metrics).toMatchObject({ numRecordsIn: 1, numDeadLetters: 1 })
  })

  test.for<[unknown, string]>([
    ['text', 'text'],
    [undefined, 'undefined'],
    [new Map([['a', new Set([1])]]), '[["a",[1]]]'],
    ['x'.repeat(100_000), 'x'.repeat(65_536)],
  ])('keeps the record as text: %j', ([value, raw]) => {
    const { guard, letters } = guarded([poisonOf(value)])
    guard.record(value, 1)
    expect(letters.map((letter) => letter.raw)).toEqual([raw])
  })

  test('keeps nothing from an operator whose dead letters nobody takes', () => {
    const { guard, passed } = guarded([poisonOf('a')], false)
    guard.record('a', 1)
    expect(passed).toEqual(['a'])
  })
})
