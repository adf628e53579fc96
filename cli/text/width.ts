import { stripVTControlCharacters } from 'node:util'

import stringWidth from 'string-width'

/** Columns that `text` takes on a terminal; escape sequences take none. */
export function widthOf(text: string): number {
  return stringWidth(text)
}

const CONTROL = /\p{Cc}+/gu

/** One line of what may be anything: a user's name, key or message must not move the cursor or colour the screen. */
export function oneLine(text: string): string {
  return withoutControls(text).trim()
}

/** The same, where indentation is to stay. */
export function withoutControls(line: string): string {
  return stripVTControlCharacters(line).replaceAll(CONTROL, ' ')
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** At most `width` columns of `text`, which has no escape sequences; what is cut ends in `…`. */
export function truncate(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width <= 0) return ''
  let kept = ''
  let columns = 0
  for (const { segment } of graphemes.segment(text)) {
    const next = columns + widthOf(segment)
    if (next > width - 1) break
    kept += segment
    columns = next
  }
  return `${kept}…`
}
