import { isMet, type Cell, type Check, type Table } from './benchmark.ts'

export function renderTable({ title, columns, rows, notes = [] }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(renderCell))]
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const isNumber = columns.map((_, column) =>
    rows.every((row) => /^[\d.,≥≤ …×-]*$/.test(renderCell(row[column]!))),
  )
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('   ')}`
  return [`\n  ${title}`, ...cells.map(line), ...notes.map((note) => `  - ${note}`)].join('\n')
}

export function renderCheck(check: Check): string {
  const { what, value, atLeast, atMost } = check
  const bound = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`
  return `  ${isMet(check) ? 'met   ' : 'MISSED'} ${what}: ${value.toFixed(2)}, expected ${bound}`
}

function renderCell(cell: Cell): string {
  return typeof cell === 'number' ? cell.toLocaleString('en') : cell
}
