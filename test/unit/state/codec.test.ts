import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { decodeValue, encodeValue } from '../../../lib/state/codec.ts'

const site = { operatorUid: 'jump', state: 'last' }
const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value, site))

describe('state codec', () => {
  test.for<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['-0', -0],
    ['NaN', Number.NaN],
    ['infinities', [Infinity, -Infinity]],
    ['large integers', [2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER, 2 ** 80]],
    ['bigint', [0n, -1n, 2n ** 63n, 2n ** 64n, -(2n ** 200n)]],
    ['dates', [new Date(0), new Date(-1), new Date(8.64e15), new Date(Number.NaN)]],
    [
      'map',
      new Map<unknown, unknown>([
        [1, -0],
        ['a', new Map([[new Set([1]), { x: undefined }]])],
      ]),
    ],
    ['set', new Set([1, 'a', null])],
    ['bytes', new Uint8Array([0, 255])],
    ['lone surrogate', ['\ud800', { ['\udc00']: 1 }]],
    ['__proto__', JSON.parse('{"__proto__":{"a":1},"b":2}')],
    ['nested', { a: [{ b: [[], {}, [Number.NaN, -0]] }], c: undefined }],
    ['toJSON in data', { toJSON: 1 }],
  ])('round-trips %s', ([, value]) => {
    expect(roundTrip(value)).toStrictEqual(value)
  })

  test('round-trips any plain data', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      stringUnit: 'binary',
    })
    fc.assert(
      fc.property(anything, (value) => {
        expect(roundTrip(value)).toStrictEqual(value)
      }),
    )
  })

  test('is deterministic', () => {
    const value = { a: new Map([[1, 2]]), b: [new Set([1])] }
    expect(encodeValue(value, site)).toStrictEqual(encodeValue(structuredClone(value), site))
  })

  test('does not alias its input', () => {
    const bytes = new Uint8Array([1, 2])
    const encoded = encodeValue(bytes, site)
    const decoded = decodeValue(encoded) as Uint8Array
    encoded.fill(9)
    expect(decoded).toStrictEqual(bytes)
  })

  class Point {
    x = 1
  }
  test.for<[string, unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an instance of Point', new Point()],
    ['an instance of RegExp', { a: [/x/] }],
    ['an instance of Error', new Map([[1, new Error('x')]])],
    ['an instance of Float64Array', new Float64Array(1)],
  ])('refuses %s by operator and state', ([name, value]) => {
    expect(() => encodeValue(value, site)).toThrow("Operator 'jump', state 'last': expected plain data")
    expect(() => encodeValue(value, site)).toThrow(`got ${name}`)
  })
})
