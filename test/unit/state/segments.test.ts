import { describe, expect, test } from 'vitest'
import { encodeValue } from '../../../lib/state/codec.ts'
import type { RestoredSegment, StateDescription } from '../../../lib/state/keyed-backend.ts'
import { describeSegment } from '../../../lib/state/segment/describe-segment.ts'
import { encodeSegment } from '../../../lib/state/segment/encode-segment.ts'
import { NEVER_MS, type SegmentRow } from '../../../lib/state/segment/format.ts'
import { mergeSegments, mergeSegmentsInSlices } from '../../../lib/state/segment/merge-segments.ts'
import { SegmentReader } from '../../../lib/state/segment/segment-reader.ts'

const a: StateDescription = { name: 'a', kind: 'value', ttl: false }
const b: StateDescription = { name: 'b', kind: 'map', ttl: true }
const ALL = { first: 0, last: 127 } as never

function row(keyText: string, value: unknown, more: Partial<SegmentRow> = {}): SegmentRow {
  const payload =
    value === undefined ? undefined : new Uint8Array(encodeValue(value, { operatorUid: '', state: '' }))
  return { keyText, state: undefined, bucket: 0, payload, expiresAtMs: NEVER_MS, ...more }
}

function segment(
  rows: readonly (readonly [number, SegmentRow])[],
  states: readonly StateDescription[] = [a, b],
): RestoredSegment {
  const bytes = encodeSegment({ operatorUid: 'op', maxParallelism: 128, states }, rows)
  return { name: 'test', bytes }
}

function rowsOf(bytes: Uint8Array): (readonly [number, SegmentRow])[] {
  return [...new SegmentReader({ name: 'test', bytes }).rows(ALL)]
}

/** What is left of each row: its payload's length. */
function merged(segments: RestoredSegment[], dropTombstones: boolean, nowMs?: number): [string, unknown][] {
  const options = nowMs === undefined ? { dropTombstones } : { dropTombstones, nowMs }
  return rowsOf(mergeSegments(segments, options)).map(([, { keyText, state, bucket, payload }]) => [
    state === undefined ? keyText : `${keyText} ${state} ${bucket}`,
    payload === undefined ? 'gone' : payload.length,
  ])
}

describe('segment', () => {
  const rows = [
    [3, row('"x"', 1)],
    [3, row('"long é"'.repeat(100), 'é')],
    [7, row('7', { n: 1 }, { expiresAtMs: 1_700_000_000_123 })],
    [7, row('7', [1], { state: 'b', bucket: 300, expiresAtMs: 5 })],
    [7, row('8', undefined)],
    [127, row('"y"', undefined, { state: 'b', bucket: 2 ** 31 })],
  ] as const

  test('gives back its rows', () => {
    expect(rowsOf(segment(rows).bytes)).toEqual(rows)
  })

  test('reads only the key groups that it is asked for', () => {
    const { name, bytes } = segment(rows)
    const damaged = bytes.slice()
    damaged[damaged.length - 1]! ^= 1
    const reader = new SegmentReader({ name, bytes: damaged })
    expect(reader.keyGroups()).toEqual([3, 7, 127])
    expect([...reader.rows({ first: 4, last: 126 } as never)]).toHaveLength(3)
    expect([...reader.rowsOf(5)]).toEqual([])
    expect(() => [...reader.rows(ALL)]).toThrow(
      'State segment test: checksum of key group 127 does not match',
    )
  })

  test('is the same bytes for the same rows', () => {
    expect(segment(rows).bytes).toEqual(segment(rows).bytes)
  })

  test('takes rows only in the order of key groups', () => {
    expect(() => segment([rows[2], rows[0]])).toThrow('rows of a segment come by key group')
  })

  test('reads from a Buffer, and from the middle of one', () => {
    const { bytes } = segment(rows)
    const around = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
    expect(rowsOf(around.subarray(6, 6 + bytes.length))).toEqual(rows)
  })

  test('describes itself', () => {
    const { bytes } = segment(rows)
    expect(describeSegment({ name: 'x', bytes })).toEqual({
      operatorUid: 'op',
      maxParallelism: 128,
      keyGroups: { first: 3, last: 127 },
      states: [a, b],
      bytes: bytes.length,
      rows: 6,
      keys: 3,
      tombstones: 2,
      buckets: { b: 1 },
    })
    expect(describeSegment(segment([]))).toMatchObject({ keyGroups: undefined, rows: 0 })
  })
})

describe('merge', () => {
  test('keeps the last of each key, state and bucket', () => {
    const older = segment([
      [1, row('1', 1)],
      [1, row('1', 1, { state: 'b', bucket: 0 })],
      [1, row('2', 1)],
    ])
    const newer = segment([
      [1, row('1', 'changed')],
      [2, row('3', 1)],
    ])
    expect(merged([older, newer], false)).toEqual([
      ['1', 8],
      ['1 b 0', 1],
      ['2', 1],
      ['3', 1],
    ])
  })

  test('tombstones hide earlier rows, and go where nothing earlier is left', () => {
    const older = segment([
      [1, row('1', 1)],
      [1, row('2', 1)],
    ])
    const newer = segment([
      [1, row('1', undefined)],
      [1, row('9', undefined)],
    ])
    expect(merged([older, newer], false)).toEqual([
      ['1', 'gone'],
      ['2', 1],
      ['9', 'gone'],
    ])
    expect(merged([older, newer], true)).toEqual([['2', 1]])
  })

  test('expired rows go, and hide earlier rows like tombstones', () => {
    const expiring = segment([
      [1, row('1', 1, { expiresAtMs: 100 })],
      [1, row('2', 1)],
    ])
    expect(merged([expiring], true, 99)).toEqual([
      ['1', 1],
      ['2', 1],
    ])
    expect(merged([expiring], true, 100)).toEqual([['2', 1]])
    expect(merged([expiring], false, 100)).toEqual([
      ['1', 'gone'],
      ['2', 1],
    ])
    expect(merged([expiring], true)).toEqual([
      ['1', 1],
      ['2', 1],
    ])
  })

  test('joins segments of versions that declare different states', () => {
    const older = segment([[1, row('1', 1, { state: 'b', bucket: 4 })]], [b])
    const newer = segment([[1, row('2', 1, { state: 'b', bucket: 4 })]], [a, b])
    const bytes = mergeSegments([older, newer], { dropTombstones: true })
    expect(rowsOf(bytes).map(([, each]) => each.state)).toEqual(['b', 'b'])
    expect(describeSegment({ name: 'x', bytes }).states).toEqual([b, a])
  })

  test('refuses segments of different operators', () => {
    const other = encodeSegment({ operatorUid: 'other', maxParallelism: 128, states: [a] }, [])
    expect(() => mergeSegments([segment([]), { name: 'x', bytes: other }], { dropTombstones: true })).toThrow(
      "State segment x: expected operator 'op'",
    )
  })

  test('runs in slices of bounded work', () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => [5, row(`${i}`, i)] as const)
    const slices = mergeSegmentsInSlices([segment(rows), segment(rows)], { dropTombstones: true })
    let count = 0
    let step = slices.next()
    for (; step.done !== true; step = slices.next()) count++
    expect(count).toBeGreaterThan(9)
    expect(rowsOf(step.value)).toHaveLength(50_000)
  })
})
