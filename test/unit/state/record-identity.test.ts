import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { OperatorFault, type CalledStage } from '../../../lib/model/faults.ts'
import { hashOfRecord, recordIdentityOf } from '../../../lib/state/record-identity.ts'

const SECRET = 'card 4111-1111'
const ORIGIN = { operatorUid: 'pay', operatorName: 'pay', subtaskIndex: 0 }
const record = (value: unknown, timestampMs = 5, called: CalledStage = { stage: 'operator' }) => ({
  ...called,
  value,
  timestampMs,
})
const keyOf = (targetUid: string, inputIndex = 0): CalledStage => ({ stage: 'key', targetUid, inputIndex })
const of = (...args: Parameters<typeof record>) => hashOfRecord('pay', record(...args))
const fault = (value: unknown) => new OperatorFault(ORIGIN, new Error('declined'), 'fatal', record(value))

test('a record has the same identity whenever it comes again, and another than all others', () => {
  const value = { id: 1n, at: new Date(0), tags: new Set(['a']) }
  expect(of(structuredClone(value))).toBe(of(value))
  expect(of(value)).toMatch(/^[0-9a-f]{16}$/)
  const others = [
    of({ ...value, id: 2n }),
    of(value, 6),
    of(value, -Infinity),
    of(value, 5, keyOf('total')),
    of(value, 5, keyOf('count')),
    of(value, 5, keyOf('count', 1)),
    of(undefined),
  ]
  expect(new Set([of(value), ...others]).size).toBe(8)
})

test('what is no plain data has none, and neither has a failure that is about no record', () => {
  expect(recordIdentityOf(fault(() => 1))).toBeUndefined()
  expect(recordIdentityOf(new OperatorFault(ORIGIN, new Error('timer')))).toBeUndefined()
  expect(recordIdentityOf(new Error('elsewhere'))).toBeUndefined()
  expect(recordIdentityOf(fault(1))).toEqual({ operatorUid: 'pay', hash: hashOfRecord('pay', record(1)) })
})

test('who prints a fault does not print its record', () => {
  const thrown = fault({ number: SECRET }).at('lines.txt:1')
  expect(thrown.record?.value).toEqual({ number: SECRET })
  expect(`${inspect(thrown, { depth: 9, showHidden: true })} ${JSON.stringify(thrown)}`).not.toContain(SECRET)
})
