import { expect, test } from 'vitest'

import {
  formatBytes,
  formatCompact,
  formatCount,
  formatElapsed,
  formatInstant,
  formatWatermark,
  plural,
} from '../../../../cli/text/figures.ts'

test.each([
  [0, '0 ms'],
  [-5, '0 ms'],
  [340, '340 ms'],
  [999.4, '999 ms'],
  [1_000, '1 s'],
  [4_299, '4.2 s'],
  [9_999, '9.9 s'],
  [42_900, '42 s'],
  [60_000, '1 min 00 s'],
  [187_000, '3 min 07 s'],
  [3_600_000, '1 h 00 min'],
  [86_399_000, '23 h 59 min'],
  [183_600_000, '2 d 03 h'],
])('%d ms have passed: %s', (ms, text) => {
  expect(formatElapsed(ms)).toBe(text)
})

test.each([
  [0, '0'],
  [0.25, '0.3'],
  [9.9, '9.9'],
  [9.96, '10'],
  [950.4, '950'],
  [9_999, '9,999'],
  [12_345, '12.3k'],
  [999_499, '999k'],
  [999_999, '1M'],
  [1_234_567, '1.23M'],
  [5_600_000_000, '5.6G'],
])('%d is %s for short', (value, text) => {
  expect(formatCompact(value)).toBe(text)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [1_234_567, '1.23 MB'],
  [999_999_999, '1 GB'],
  [7.5e12, '7.5 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test('counts are grouped, and agree with their noun', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567')
  expect([plural(0, 'record'), plural(1, 'record'), plural(2_000, 'record')]).toEqual([
    '0 records',
    '1 record',
    '2,000 records',
  ])
})

test('instants are ISO 8601; a number that is no date stays one', () => {
  expect(formatInstant(0)).toBe('1970-01-01T00:00:00Z')
  expect(formatInstant(1_547_718_199_123)).toBe('2019-01-17T09:43:19.123Z')
  expect(formatInstant(9e15)).toBe('9000000000000000')
})

test('a watermark is a time, or before or after all of them', () => {
  expect([-Infinity, 1_000, Infinity].map(formatWatermark)).toEqual(['-', '1970-01-01T00:00:01Z', 'end'])
})
