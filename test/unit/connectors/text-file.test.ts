import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import * as fc from '../../fast-check.ts'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { textFile } from '../../../lib/connectors/index.ts'
import { UserError } from '../../../lib/model/faults.ts'
import type { Source } from '../../../lib/stream/source.ts'
import { openReader, output, readAll, readWithRestart, splitSource, drain } from './drive.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const at = temporaryDirectory()

function file(content: string | Buffer, name = 'input.txt'): string {
  writeFileSync(at(name), content)
  return at(name)
}

async function enumerate(path: string, options = {}): Promise<readonly unknown[]> {
  return splitSource(textFile(path, options)).enumerateSplits({ parallelism: 1 })
}

function parseNumber(text: string): number {
  if (Number.isNaN(Number(text))) throw new Error(`expected a number, got ${text}`)
  return Number(text)
}

const line = fc.oneof(
  fc.string({ maxLength: 20, unit: fc.constantFrom('a', 'ß', '水', '🐎', ' ', '"', '\r', '\uFEFF') }),
  fc.constantFrom('', 'x'.repeat(100), '水'.repeat(33), '\uFFFD'),
)

describe('lines', () => {
  test.each([
    ['an empty file', '', []],
    ['one newline', '\n', ['']],
    ['no newline at the end', 'a\nb', ['a', 'b']],
    ['a newline at the end', 'a\nb\n', ['a', 'b']],
    ['Windows line ends', 'a\r\nb\r\n\r\nc', ['a', 'b', '', 'c']],
    ['a lone carriage return', 'a\rb\n', ['a\rb']],
    ['a byte-order mark', '\uFEFFa\nb', ['a', 'b']],
    ['nothing but a byte-order mark', '\uFEFF', []],
    ['text beyond ASCII', '水\n🐎\nß', ['水', '🐎', 'ß']],
  ])('%s', async (_, content, lines) => {
    for (const chunkBytes of [1, 2, 3, 65_536]) {
      const { values, letters } = await readAll(textFile(file(content), { chunkBytes }))
      expect({ values, letters }).toEqual({ values: lines, letters: [] })
    }
  })

  test('are cut alike whatever the chunks, and survive a restart after any of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 30 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 70 }),
        fc.nat(40),
        async (lines, ending, closed, chunkBytes, restartAfter) => {
          const path = file(lines.join(ending) + (closed ? ending : ''))
          const source = textFile(path, { chunkBytes, lineBytesMax: 60 })
          const whole = (await readAll(textFile(path, { lineBytesMax: 60 }))).all
          expect(await readWithRestart(source, restartAfter)).toEqual(whole)
          const expected = (lines.join('\n') + (closed ? '\n' : '')).replace(/^\uFEFF/, '').split('\n')
          if (expected.at(-1) === '') expected.pop()
          expect(whole).toHaveLength(expected.length)
        },
      ),
    )
  })

  test('longer than a piece of text', async () => {
    const lines = ['a', 'b'.repeat(200_000), '水'.repeat(50_000), 'c']
    const { values } = await readAll(textFile(file(lines.join('\n'))))
    expect(values).toEqual(lines)
  })

  test('in Latin-1', async () => {
    const { values } = await readAll(
      textFile(file(Buffer.from('größe\nß', 'latin1')), { encoding: 'latin1' }),
    )
    expect(values).toEqual(['größe', 'ß'])
  })
})

describe('dead letters', () => {
  test.each([1, 7, 65_536])('a line over the limit, in chunks of %d bytes', async (chunkBytes) => {
    const path = file(`short\n${'x'.repeat(50)}\r\nshort again\n${'y'.repeat(41)}`)
    const { values, letters } = await readAll(textFile(path, { chunkBytes, lineBytesMax: 40 }))
    expect(values).toEqual(['short', 'short again'])
    expect(letters.map(({ position, reason }) => [position, reason])).toEqual([
      [`${path}:2`, 'longer than 40 bytes'],
      [`${path}:4`, 'longer than 40 bytes'],
    ])
    expect(letters[1]!.raw).toMatch(/^y+$/)
  })

  test('the snapshot within a line over the limit points to its beginning', async () => {
    const path = file(`ab\n${'x'.repeat(50)}\ncd\n`)
    const source = textFile(path, { chunkBytes: 4, lineBytesMax: 10 })
    const reader = await openReader(source)
    const out = output<string>()
    for (let reads = 0; reads < 12; reads++) {
      await reader.read(out, 1)
      const rest = await readAll(source, reader.snapshot())
      expect([...out.all, ...rest.all]).toEqual([
        'ab',
        expect.objectContaining({ position: `${path}:2` }),
        'cd',
      ])
    }
    await reader.close?.()
  })

  test.each([1, 5, 65_536])('a line that is not UTF-8, in chunks of %d bytes', async (chunkBytes) => {
    const bad = Buffer.from([0x61, 0xff, 0xc3, 0x0a])
    const path = file(Buffer.concat([Buffer.from('水 \uFFFD\n'), bad, Buffer.from('ok\n')]))
    const { values, letters } = await readAll(textFile(path, { chunkBytes }))
    expect(values).toEqual(['水 \uFFFD', 'ok'])
    expect(letters).toEqual([{ position: `${path}:2`, reason: 'not valid UTF-8', raw: 'a\uFFFD\uFFFD' }])
  })

  test('what parse throws, and what the schema refuses', async () => {
    const path = file('1\nx\n-3\n')
    const parsed = await readAll(textFile(path, { parse: parseNumber }))
    expect(parsed.values).toEqual([1, -3])
    expect(parsed.letters).toEqual([{ position: `${path}:2`, reason: 'expected a number, got x', raw: 'x' }])
    const checked = await readAll(textFile(path, { parse: parseNumber, schema: z.number().positive() }))
    expect(checked.values).toEqual([1])
    expect(checked.letters.map(({ position }) => position)).toEqual([`${path}:2`, `${path}:3`])
  })

  test('what the next operator throws is no dead letter', async () => {
    const reader = await openReader(textFile(file('a\nb\n')))
    const failing = {
      ...output<string>(),
      collect: () => {
        throw new Error('downstream')
      },
    }
    await expect(drain(reader, failing)).rejects.toThrow('downstream')
    expect(reader.position?.()).toBe(`${at('input.txt')}:1`)
    await reader.close?.()
  })

  test('a schema that is asynchronous is refused', async () => {
    const schema = z.string().refine(async () => true)
    await expect(readAll(textFile(file('a\n'), { schema }))).rejects.toThrow(/validates synchronously/)
  })
})

test('records have the type of what makes them', () => {
  expectTypeOf(textFile('x')).toEqualTypeOf<Source<string>>()
  expectTypeOf(textFile('x', { parse: (text) => text.length })).toEqualTypeOf<Source<number>>()
  expectTypeOf(textFile('x', { schema: z.string() })).toEqualTypeOf<Source<string>>()
  const both = textFile('x', { parse: (text) => text.split(','), schema: z.tuple([z.coerce.number()]) })
  expectTypeOf(both).toEqualTypeOf<Source<[number]>>()
})

describe('directories', () => {
  test('are read file by file in order of name, hidden files left out', async () => {
    mkdirSync(at('deep/er'), { recursive: true })
    mkdirSync(at('.staging'))
    for (const name of ['b.txt', 'a.txt', 'c.csv', '.hidden.txt', '.staging/x.txt', 'deep/er/d.txt'])
      file(`${name}\n`, name)
    expect((await readAll(textFile(at()))).values).toEqual(['a.txt', 'b.txt', 'c.csv'])
    expect((await readAll(textFile(at(), { suffix: '.txt', recursive: true }))).values).toEqual([
      'a.txt',
      'b.txt',
      'deep/er/d.txt',
    ])
  })

  test('survive a restart anywhere', async () => {
    for (const name of ['a', 'b', 'c']) file(`${name}1\n${name}2`, name)
    for (let count = 0; count <= 6; count++) {
      expect(await readWithRestart(textFile(at()), count)).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2'])
    }
  })

  test('a file removed before its turn fails the job', async () => {
    file('a\n', 'a')
    file('b\n', 'b')
    const reader = await openReader(textFile(at()))
    rmSync(at('b'))
    const out = output<string>()
    await expect(drain(reader, out)).rejects.toThrow(
      `textFile: cannot read ${at('b')}: there is nothing at this path`,
    )
    expect(out.values).toEqual(['a'])
  })
})

describe('user errors', () => {
  test('nothing there', async () => {
    await expect(enumerate(at('none'))).rejects.toThrow(UserError)
    await expect(enumerate(at('none'))).rejects.toThrow(
      /cannot read .*none: there is nothing at this path \(ENOENT\)/,
    )
  })

  test('an empty directory', async () => {
    await expect(enumerate(at())).rejects.toThrow(/expected a file directly in the directory .*, found none/)
    file('', 'a.csv')
    await expect(enumerate(at(), { suffix: '.txt' })).rejects.toThrow(
      /a file ending in "\.txt" .* found 1 others/,
    )
  })

  test('options', () => {
    expect(() => textFile('', { chunkBytes: 0 })).toThrow(
      "expected the path of a file or a directory, got ''\ntextFile: expected chunkBytes",
    )
  })

  test('a file that is not what the checkpoint read', async () => {
    const path = file('aaa\nbbb\n')
    const source = textFile(path)
    file('a\n')
    await expect(readAll(source, [{ path, offset: 4, line: 1 }])).rejects.toThrow(
      /has only 2 bytes: it was truncated/,
    )
    file('aaaaaaa\nbbb\n')
    await expect(readAll(source, [{ path, offset: 4, line: 1 }])).rejects.toThrow(/no line begins there/)
  })
})
