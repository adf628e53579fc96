import {
  array,
  assert,
  constantFrom,
  json,
  jsonValue,
  nat,
  oneof,
  property,
  tuple,
} from '../../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { JSON_DEPTH_MAX, scanJson, skipSpace } from '../../../../lib/connectors/ingest/scan-json.ts'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Whether the whole of a text is one value, by the scanner. */
function isOneValue(text: string): boolean {
  const scan = scanJson(text, 0)
  return scan.type === 'value' && skipSpace(text, scan.span.end) === text.length
}

const fragments = constantFrom(
  ...'{ } [ ] , : " \\ \\u00e9 \\ud800 \\x true nul null - 0 01 1. 1.5 1e 1e9 E+2 "a" "é" "a": 水 😀'.split(
    ' ',
  ),
  ' ',
  '\n',
  '\t',
  '\u0001',
  '\u00a0',
  '\uFEFF',
)

test('it takes what JSON.parse takes, and nothing else', () => {
  const texts = oneof(
    array(fragments, { maxLength: 12 }).map((parts) => parts.join('')),
    json(),
    tuple(json(), nat(), fragments).map(([whole, at, part]) => {
      const offset = at % (whole.length + 1)
      return whole.slice(0, offset) + part + whole.slice(offset + 1)
    }),
  )
  assert(
    property(texts, (text) => {
      expect(isOneValue(text)).toBe(isJson(text))
    }),
    { numRuns: 3_000 },
  )
})

test('it cuts an array into its elements', () => {
  assert(
    property(array(jsonValue()), constantFrom(0, 1, '\t'), (values, space) => {
      const text = ` ${JSON.stringify(values, undefined, space)}`
      const scan = scanJson(text, 0)
      if (scan.type === 'defect' || scan.elements === undefined) throw new Error('expected elements')
      const elements = scan.elements.map(({ start, end }) => JSON.parse(text.slice(start, end)) as unknown)
      expect(elements).toEqual(JSON.parse(text))
    }),
  )
})

test('only an array has elements', () => {
  expect(scanJson('{"a":[1,2]}', 0)).toMatchObject({ type: 'value', elements: undefined })
  expect(scanJson('[]', 0)).toMatchObject({ type: 'value', elements: [] })
  expect(scanJson('[[1,2],[]]', 0)).toMatchObject({
    elements: [
      { start: 1, end: 6 },
      { start: 7, end: 9 },
    ],
  })
})

describe('a defect is told with its place', () => {
  test.each([
    ['', 0, 'expected a value, got the end'],
    ['  x', 2, 'expected a value, got "x"'],
    ['{"a" 1}', 5, 'expected \':\' after a key, got "1"'],
    ["{'a': 1}", 1, 'expected a key in double quotes, got "\'"'],
    ['{"a": 1,}', 8, 'expected a key in double quotes, got "}"'],
    ['{"a": 1 "b": 2}', 8, "expected ',' or '}' after a member, got \"\\\"\""],
    ['[1 2]', 3, "expected ',' or ']' after an element, got \"2\""],
    ['[1,]', 3, 'expected a value, got "]"'],
    ['"a\nb"', 2, 'expected control characters in text to be escaped, got "\\n"'],
    ['"abc', 4, 'expected the text to be closed by a double quote, got the end'],
    ['"\\', 2, 'expected the text to be closed by a double quote, got the end'],
    [String.raw`"a\x"`, 3, String.raw`expected one of "\/bfnrtu after '\', got "x"`],
    [String.raw`"\u12g4"`, 1, String.raw`expected four hexadecimal digits after '\u'`],
    ['[😀]', 1, 'expected a value, got "😀"'],
    ['NaN', 0, 'expected a value, got "N"'],
    ['[1}', 2, "expected ',' or ']' after an element, got \"}\""],
  ])('%j', (text, offset, reason) => {
    expect(scanJson(text, 0)).toMatchObject({ type: 'defect', offset, reason })
  })

  test('and with the number of elements before it', () => {
    expect(scanJson('[{"a":1}, {"a":2}, {"a":}]', 0)).toMatchObject({
      type: 'defect',
      element: 2,
      offset: 24,
    })
  })
})

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

test('nesting is bounded, without exhausting the stack', () => {
  expect(scanJson(nested(JSON_DEPTH_MAX), 0).type).toBe('value')
  expect(scanJson(nested(JSON_DEPTH_MAX + 1), 0)).toMatchObject({
    type: 'defect',
    offset: JSON_DEPTH_MAX,
    reason: 'values nested more than 200 deep',
  })
  expect(scanJson('['.repeat(1_000_000), 0).type).toBe('defect')
})

test('long texts and numbers are scanned in one go', () => {
  const text = `["${'\\n'.repeat(500_000)}", ${'1'.repeat(500_000)}]`
  expect(scanJson(text, 0)).toMatchObject({ type: 'value', span: { start: 0, end: text.length } })
})
