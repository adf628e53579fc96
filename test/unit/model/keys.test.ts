import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { decodeKeyText, keyText, mapKey } from '../../../lib/model/key-codec.ts'
import { hashOfKey, keyGroupOf } from '../../../lib/model/key-hash.ts'
import type { Key } from '../../../lib/model/keys.ts'

const keys: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.bigInt(),
    fc.array(tie('key'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('key'), { maxKeys: 4 }),
  ),
})).key

describe('key codec', () => {
  test.for<[Key, string]>([
    ['a', '"a"'],
    ['1', '"1"'],
    [1, '1'],
    [-0, '0'],
    [1e21, '1e+21'],
    [Infinity, '[null,"Infinity"]'],
    [12n, '[null,"12"]'],
    [true, 'true'],
    [['a', [1]], '["a",[1]]'],
    [{ b: 1, a: 'x' }, '{"a":"x","b":1}'],
  ])('writes %o as %s', ([key, text]) => {
    expect(keyText(key)).toBe(text)
  })

  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const text = keyText(key)
        expect(keyText(decodeKeyText(text))).toBe(text)
      }),
    )
  })

  test('map keys are equal exactly where texts are', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const same = new Set([mapKey(a), mapKey(b)]).size === 1
        expect(same).toBe(keyText(a) === keyText(b))
      }),
    )
  })

  test('the order of fields does not matter', () => {
    expect(mapKey({ a: 1, b: 2 })).toBe(mapKey({ b: 2, a: 1 }))
  })

  test('text cannot pass for a composite', () => {
    const composite = mapKey(['a'])
    expect(mapKey(composite as string)).not.toBe(composite)
    expect(mapKey('\0"x"')).not.toBe(mapKey('\0x'))
  })

  test('leaves primitives as they are', () => {
    for (const key of ['a', '', 1, true, 3n]) expect(mapKey(key)).toBe(key)
  })

  class Point {
    x = 1
  }
  test.for<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an instance of Date', new Date(0)],
    ['an instance of Map', new Map()],
    ['an instance of Point', new Point()],
    ['undefined', ['a', undefined]],
    ['NaN', { a: Number.NaN }],
  ])('refuses %s', ([name, value]) => {
    expect(() => mapKey(value as Key)).toThrow(`Expected key to be`)
    expect(() => keyText(value as Key)).toThrow(`got ${name}`)
  })
})

describe('key groups', () => {
  test('are murmur3_x86_32 of the canonical text', () => {
    // Reference values of MurmurHash3_x86_32 with seed 0 for the UTF-8 of "abc" and "é" in quotes, and of 7.
    expect(['abc', 'é', 7].map(hashOfKey)).toEqual([3_495_886_864, 381_082_729, 602_572_328])
  })

  test('lie below the maximum parallelism and use all of it', () => {
    const seen = new Set(Array.from({ length: 2_000 }, (_, i) => keyGroupOf(`key-${i}`, 128)))
    expect(seen.size).toBe(128)
    expect(Math.max(...seen)).toBe(127)
  })

  test('do not depend on the order of fields', () => {
    expect(keyGroupOf({ a: 1, b: 2 }, 1_024)).toBe(keyGroupOf({ b: 2, a: 1 }, 1_024))
  })

  test('take long keys', () => {
    const long = 'é'.repeat(5_000)
    expect(keyGroupOf(long, 128)).toBe(keyGroupOf(['', long].join(''), 128))
    expect(hashOfKey(`${long}a`)).not.toBe(hashOfKey(`${long}b`))
  })
})
