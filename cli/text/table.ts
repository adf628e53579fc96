import { truncate, widthOf } from './width.ts'

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /** Gives way, down to this width, where the table is wider than its place. Default: keeps its width. */
  readonly widthMin?: number
}

/** A cell's text, without escape sequences, and what colours it once it is as wide as its column. */
export interface Cell {
  readonly text: string
  readonly style?: (text: string) => string
}

const GAP = '  '

/** The lines of a table, its titles first, none wider than `width` columns. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: { readonly width: number; readonly titleStyle?: (text: string) => string },
): string[] {
  const { width, titleStyle } = options
  const titles = columns.map(({ title }): Cell => ({ text: title, ...(titleStyle && { style: titleStyle }) }))
  const all = [titles, ...rows]
  const widths = fit(
    columns,
    columns.map((_, index) => Math.max(...all.map((row) => widthOf(row[index]!.text)))),
    width,
  )
  return all.map((row) => renderRow(columns, row, widths, width))
}

/** Takes what is too wide from the columns that give way, first to last. */
function fit(columns: readonly Column[], natural: readonly number[], width: number): readonly number[] {
  let excess = natural.reduce((sum, one) => sum + one, GAP.length * (natural.length - 1)) - width
  return natural.map((one, index) => {
    const { widthMin } = columns[index]!
    if (widthMin === undefined || excess <= 0 || one <= widthMin) return one
    const cut = Math.min(excess, one - widthMin)
    excess -= cut
    return one - cut
  })
}

/** Cells as far as they fit whole or in part; never a space at the end. */
function renderRow(
  columns: readonly Column[],
  row: readonly Cell[],
  widths: readonly number[],
  width: number,
): string {
  let line = ''
  let left = width
  for (const [index, cell] of row.entries()) {
    const gap = index === 0 ? '' : GAP
    const room = Math.min(widths[index]!, left - gap.length)
    if (room <= 0) break
    const text = truncate(cell.text, room)
    const right = columns[index]!.align === 'right'
    const padding = ' '.repeat(Math.max(0, room - widthOf(text)))
    const styled = cell.style === undefined || text === '' ? text : cell.style(text)
    line += gap + (right ? padding + styled : styled + padding)
    left -= gap.length + room
  }
  return line.trimEnd()
}
