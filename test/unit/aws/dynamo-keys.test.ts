import * as fc from '../../fast-check.ts'
import { describe, expect, it } from 'vitest'
import {
  assertLogSort,
  decodeTime,
  encodeTime,
  HEAD_SORT,
  isShortened,
  logPartition,
  rowKeyOf,
  rowPartition,
  rowSort,
  scanStart,
  splitTimerSort,
  timerPartition,
  timerSort,
} from '../../../lib/aws/dynamo-keys.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import type { RowPartition } from '../../../lib/ports/row-store.ts'

/** As DynamoDB compares sort keys. */
const byBytes = (a: string, b: string): number => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))
const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const bytes = (text: string): number => Buffer.byteLength(text)

/** Any text, halves of surrogate pairs and private characters among it. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0xd800, 0xdfff, 0xe000, 0xf8ff)), {
    minLength: 1,
    maxLength: 12,
  })
  .map((codes) => String.fromCharCode(...codes))

const partition = (over: Partial<RowPartition> = {}): RowPartition => ({
  namespace: 'n1',
  operatorUid: 'count',
  keyGroup: 7,
  ...over,
})

describe('rowSort', () => {
  it('keeps ordinary keys readable', () => {
    expect(rowSort('"sensor-7"')).toBe('"sensor-7"')
    expect(rowSort('["é","漢"]')).toBe('["é","漢"]')
  })

  it('orders any keys by their code units, and gives them back', () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        expect(byBytes(rowSort(a), rowSort(b))).toBe(byCodeUnits(a, b))
        expect(rowKeyOf(rowSort(a))).toBe(a)
        expect(isShortened(rowSort(a))).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('survives UTF-8, which has no halves of surrogate pairs', () => {
    fc.assert(
      fc.property(units, (key) => {
        expect(Buffer.from(rowSort(key)).toString()).toBe(rowSort(key))
      }),
    )
  })

  it('fits a sort key, however long the row key is, and tells long ones apart', () => {
    const long = [
      'k'.repeat(20_000),
      `${'k'.repeat(19_999)}l`,
      '漢'.repeat(20_000),
      '😀'.repeat(10_000),
      'k'.repeat(901),
    ]
    for (const key of long) {
      expect(isShortened(rowSort(key))).toBe(true)
      expect(bytes(timerSort('event', encodeTime(-1), key))).toBeLessThanOrEqual(1024)
    }
    expect(new Set(long.map(rowSort)).size).toBe(long.length)
  })

  it('orders long keys among others, but for those that share 900 bytes', () => {
    const tail = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '\ue000', '\uffff'), maxLength: 4 })
    const key = fc
      .tuple(fc.constantFrom(880, 890, 896, 899, 900), tail, fc.constantFrom(0, 200))
      .map(([length, end, more]) => 'k'.repeat(length) + end + 'z'.repeat(more))
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [sortA, sortB] = [rowSort(a), rowSort(b)]
        fc.pre(!isShortened(sortA) || !isShortened(sortB) || scanStart(a) !== scanStart(b))
        expect(byBytes(sortA, sortB)).toBe(byCodeUnits(a, b))
      }),
      { numRuns: 500 },
    )
  })

  it('begins a scan where nothing that sorts after is passed over', () => {
    const long = 'k'.repeat(1000)
    expect(scanStart('key')).toBe('key')
    for (const later of [`${long}a`, `${long}b`, `${'k'.repeat(999)}l`])
      expect(byBytes(rowSort(later), scanStart(long))).toBe(1)
  })

  it('is never empty', () => {
    expect(() => rowSort('')).toThrow('a row key is not empty')
  })
})

describe('encodeTime', () => {
  it('orders times as numbers, and gives them back', () => {
    const time = fc.oneof(
      fc.double({ noNaN: true }),
      fc.integer(),
      fc.constantFrom(0, -1, 1, Infinity, -Infinity, 1_795_575_772_000, Number.MAX_SAFE_INTEGER),
    )
    fc.assert(
      fc.property(time, time, (a, b) => {
        expect(byBytes(encodeTime(a), encodeTime(b))).toBe(a < b ? -1 : a > b ? 1 : 0)
        expect(decodeTime(encodeTime(a))).toBe(a + 0)
      }),
      { numRuns: 1000 },
    )
  })

  it('takes -0 for 0, and no NaN', () => {
    expect(encodeTime(-0)).toBe(encodeTime(0))
    expect(() => encodeTime(Number.NaN)).toThrow('a time is a number')
  })

  it('comes out of a timer key, beside the row', () => {
    const sort = timerSort('processing', encodeTime(5), 'a#b')
    expect(sort.startsWith('p#')).toBe(true)
    expect(splitTimerSort(sort)).toEqual({ time: encodeTime(5), rowSort: 'a#b' })
  })
})

describe('partition keys', () => {
  it('are readable, and apart for logs, rows and timers', () => {
    expect(logPartition('task:count#3' as ActorId)).toBe('L#task:count#3')
    expect(rowPartition(partition())).toBe('R#n1#count#7')
    expect(timerPartition(partition())).toBe('T#n1#count#7')
  })

  it('tell partitions apart whose names hold the mark between names', () => {
    const keys = [
      partition({ namespace: 'a', operatorUid: 'b#c' }),
      partition({ namespace: 'a#b', operatorUid: 'c' }),
      partition({ namespace: 'a', operatorUid: 'b%23c' }),
      partition({ namespace: 'a', operatorUid: 'b#c', keyGroup: 77 }),
    ].map(rowPartition)
    expect(new Set(keys).size).toBe(4)
  })

  it('are digests where the names are too long, and never those of other names', () => {
    const long = rowPartition(partition({ operatorUid: 'x'.repeat(3000) }))
    expect(bytes(long)).toBeLessThanOrEqual(2048)
    expect(long.startsWith('R##')).toBe(true)
    expect(long).not.toBe(rowPartition(partition({ operatorUid: `${'x'.repeat(2999)}y` })))
    expect(logPartition(`task:${'漢'.repeat(1000)}` as ActorId)).toMatch(/^L##[0-9a-f]{64}$/)
    expect(() => rowPartition(partition({ namespace: '' }))).toThrow('a namespace has a name')
  })
})

describe('assertLogSort', () => {
  it('takes ASCII between the head and the order of an actor', () => {
    for (const sort of ['"', '}~', 'L#00000001#000000000003', 'L#00000001#~']) {
      expect(() => assertLogSort(sort)).not.toThrow()
      expect(byBytes(HEAD_SORT, sort)).toBe(-1)
    }
    for (const sort of ['', '!head', '!', '~order', ' a', 'é', 'a\nb'])
      expect(() => assertLogSort(sort)).toThrow('sort is')
  })
})
