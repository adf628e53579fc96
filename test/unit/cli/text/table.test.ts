import { expect, test } from 'vitest'

import { renderTable, type Column } from '../../../../cli/text/table.ts'
import { oneLine, truncate, widthOf } from '../../../../cli/text/width.ts'

const columns: readonly Column[] = [
  { title: 'name', align: 'left', widthMin: 5 },
  { title: 'in', align: 'right' },
  { title: 'note', align: 'left' },
]

function table(width: number, ...rows: string[][]): string[] {
  return renderTable(
    columns,
    rows.map((row) => row.map((text) => ({ text }))),
    { width },
  )
}

test('columns are as wide as their widest cell, numbers to the right', () => {
  expect(table(80, ['lines', '1,000', '-'], ['count', '7', 'end'])).toEqual([
    'name      in  note',
    'lines  1,000  -',
    'count      7  end',
  ])
})

test('wide characters take two columns', () => {
  expect(table(80, ['北京市', '6', 'x'], ['a', '12', 'y'])).toEqual([
    'name    in  note',
    '北京市   6  x',
    'a       12  y',
  ])
})

test('a column that may gives way before anything is cut off', () => {
  expect(table(20, ['a-very-long-operator', '1,000', '-'])).toEqual([
    'name        in  note',
    'a-very…  1,000  -',
  ])
})

test('no line is wider than the table, down to nothing', () => {
  for (let width = 1; width < 40; width++) {
    for (const line of table(width, ['北京市上海', '1,000,000', 'note'], ['b', '2', 'another note'])) {
      expect(widthOf(line)).toBeLessThanOrEqual(width)
    }
  }
})

test('styles colour the text, not the padding', () => {
  const cells = [{ text: 'a', style: (text: string) => `<${text}>` }, { text: '1' }, { text: '' }]
  expect(renderTable(columns, [cells], { width: 80 })[1]).toBe('<a>      1')
})

test('what is cut ends in an ellipsis, between graphemes', () => {
  expect(truncate('abcdef', 4)).toBe('abc…')
  expect(truncate('abcd', 4)).toBe('abcd')
  expect(truncate('北京市', 4)).toBe('北…')
  expect(truncate('👩‍👩‍👧x👩‍👩‍👧', 4)).toBe('👩‍👩‍👧x…')
  expect(truncate('abc', 0)).toBe('')
})

test('no text can move the cursor or colour the screen', () => {
  expect(oneLine('\u001B[31mred\u001B[0m\r\nnext\tcell\u0007')).toBe('red next cell')
})
