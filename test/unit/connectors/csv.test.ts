import { writeFileSync } from 'node:fs'
import * as fc from '../../fast-check.ts'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { csv } from '../../../lib/connectors/index.ts'
import type { Source } from '../../../lib/stream/source.ts'
import { drain, openReader, output, readAll, readWithRestart } from './drive.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const at = temporaryDirectory()
const ALL_CHUNKS = [1, 2, 3, 7, 65_536]

function file(content: string | Buffer, name = 'in.csv'): string {
  writeFileSync(at(name), content)
  return at(name)
}

describe('rows', () => {
  test('are objects by the columns of the header', async () => {
    const path = file('\uFEFFid,name\r\n1,"a, ""b"""\r\n\r\n2,"two\r\nlines"\n3,')
    for (const chunkBytes of ALL_CHUNKS) {
      const { values, letters } = await readAll(csv(path, { chunkBytes }))
      expect(letters).toEqual([])
      expect(values).toEqual([
        { id: '1', name: 'a, "b"' },
        { id: '2', name: 'two\r\nlines' },
        { id: '3', name: '' },
      ])
    }
  })

  test('keep the columns that are asked for', async () => {
    const source = csv(file('a,b,c\n1,2,3\n'), { columns: ['c', 'a'] })
    expectTypeOf(source).toEqualTypeOf<Source<Readonly<Record<'c' | 'a', string>>>>()
    expect((await readAll(source)).values).toEqual([{ c: '3', a: '1' }])
  })

  test('without a header: by the columns given, or as arrays', async () => {
    const path = file('1;2\n3;4')
    const options = { header: false, delimiter: ';' } as const
    expect((await readAll(csv(path, { ...options, columns: ['a', 'b'] }))).values).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ])
    const arrays = csv(path, options)
    expectTypeOf(arrays).toEqualTypeOf<Source<readonly string[]>>()
    expect((await readAll(arrays)).values).toEqual([
      ['1', '2'],
      ['3', '4'],
    ])
  })

  test('are typed by a schema', async () => {
    const schema = z.object({ n: z.coerce.number() })
    const source = csv(file('n,m\n1,x\ny,x\n2,x\n'), { schema })
    expectTypeOf(source).toEqualTypeOf<Source<{ n: number }>>()
    const { values, letters } = await readAll(source)
    expect(values).toEqual([{ n: 1 }, { n: 2 }])
    expect(letters).toMatchObject([{ position: `${at('in.csv')}:3`, raw: 'y,x' }])
  })

  test('come from nothing but a header, or from nothing', async () => {
    expect((await readAll(csv(file('a,b\n')))).all).toEqual([])
    expect((await readAll(csv(file('')))).all).toEqual([])
  })

  test('of more than one batch', async () => {
    const rows = Array.from({ length: 2_000 }, (_, index) => `${index},"${index}\n"`)
    const { values } = await readAll(csv(file(`a,b\n${rows.join('\n')}`)))
    expect(values).toEqual(rows.map((_, index) => ({ a: String(index), b: `${index}\n` })))
  })
})

const field = fc.string({ maxLength: 8, unit: fc.constantFrom('a', '水', '"', ',', '\n', '\r\n', ' ') })

test('what is written as CSV is read back, whatever the chunks, after a restart anywhere', async () => {
  const rows = fc.array(fc.tuple(field, field), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.integer({ min: 1, max: 40 }),
      fc.nat(13),
      async (written, chunkBytes, count) => {
        const quoted = written.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(','))
        const source = csv(file(['a,b', ...quoted].join('\n')), { chunkBytes })
        const expected = written.map(([a, b]) => ({ a, b }))
        expect(await readWithRestart(source, count)).toEqual(expected)
      },
    ),
  )
})

test('any text at all is cut alike whatever the chunks, after a restart anywhere', async () => {
  const text = fc.string({
    maxLength: 80,
    unit: fc.constantFrom('a', '水', '"', ',', '\n', '\r\n', '\n"', '",'),
  })
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.integer({ min: 1, max: 30 }),
      fc.nat(20),
      async (content, chunkBytes, count) => {
        const path = file(content)
        const options = { header: false, columns: ['a', 'b'], lineBytesMax: 12 }
        const whole = (await readAll(csv(path, options))).all
        expect(await readWithRestart(csv(path, { ...options, chunkBytes }), count)).toEqual(whole)
      },
    ),
    { numRuns: 500 },
  )
})

describe('dead letters', () => {
  test.each([
    ['too few fields', '1', 'expected 2 fields (a, b), got 1'],
    ['too many fields', '1,2,3', 'expected 2 fields (a, b), got 3'],
    ['a quote within a field', '1,x"y', 'a quote inside an unquoted field'],
    ['text after a quote', '1,"x"y', 'text after the closing quote of a field'],
    ['a field closed by the quote of another', '1,"x', 'text after the closing quote of a field'],
    ['an endless record', `1,${'x'.repeat(60)}`, 'longer than 40 bytes'],
    ['an endless quoted record', `1,"${'x'.repeat(60)}"`, 'longer than 40 bytes'],
  ])('%s costs one line', async (_, bad, reason) => {
    const path = file(`a,b\n1,2\n${bad}\n3,"4\n"\n5,6\n`)
    for (const chunkBytes of ALL_CHUNKS) {
      const { values, letters } = await readAll(csv(path, { chunkBytes, lineBytesMax: 40 }))
      const raw = bad.slice(0, 40)
      expect(letters).toEqual([{ position: `${path}:3`, reason, raw }])
      expect(values.map(({ a }) => a)).toEqual(['1', '3', '5'])
    }
  })

  test('a field that is never closed costs one line', async () => {
    const path = file('a,b\n1,"2\n3,4\n')
    const { values, letters } = await readAll(csv(path, { chunkBytes: 5 }))
    const reason = 'a quoted field that is not closed, or a record that is too long'
    expect(letters).toEqual([{ position: `${path}:2`, reason, raw: '1,"2' }])
    expect(values).toEqual([{ a: '3', b: '4' }])
  })

  test('a row that is not UTF-8', async () => {
    const path = file(Buffer.concat([Buffer.from('a\n1\n'), Buffer.from([0xff, 0x0a]), Buffer.from('2\n')]))
    const { values, letters } = await readAll(csv(path))
    expect(values).toEqual([{ a: '1' }, { a: '2' }])
    expect(letters).toEqual([{ position: `${path}:3`, reason: 'not valid UTF-8', raw: '\uFFFD' }])
  })
})

test('a checkpoint within a file keeps its columns, and its position names the line a row begins at', async () => {
  const reader = await openReader(csv(file('a,b\n"1\n",2\n3,4\n')))
  await drain(reader, output(), 1, 1)
  expect(reader.snapshot()).toEqual([{ path: at('in.csv'), offset: 11, line: 3, columns: ['a', 'b'] }])
  expect(reader.position?.()).toBe(`${at('in.csv')}:2`)
  await reader.close?.()
})

test.each([
  ['a,b,a\n', {}, /each column once in the header of .*, got "a" again/],
  ['a,b\n', { columns: ['c'] }, /expected a column "c" in .*, its header has: a, b/],
  ['"a,b\n', {}, /expected a header in line 1 .*, found: a quoted field that is not closed/],
  ['__proto__,b\n', {}, /no column named "__proto__"/],
])('the header %j is refused', async (content, options, message) => {
  await expect(readAll(csv(file(content), options))).rejects.toThrow(message)
})

test('options are checked', () => {
  expect(() => csv('x', { delimiter: '::', columns: ['a', 'a'] })).toThrow(
    /"a" again\n.*delimiter to be one ASCII character, got "::"/,
  )
})
