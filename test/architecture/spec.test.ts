import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const spec = readFileSync(`${root}/docs/SPEC.md`, 'utf8')
const invariants = spec.split(/^## (?=\d+\. )/m).slice(1)
const headed = invariants.map((text) => ({ title: text.slice(0, text.indexOf('\n')), text }))

test('there are twelve invariants, in order', () => {
  expect(invariants.map((text) => Number.parseInt(text, 10))).toEqual(
    Array.from({ length: 12 }, (_, index) => index + 1),
  )
})

test.each(headed)('something proves $title', ({ text }) => {
  expect(proofsOf(text)).not.toEqual([])
})

test.each(proofsOf(spec))('$file has “$title”', ({ file, title }) => {
  expect(existsSync(`${root}/${file}`)).toBe(true)
  expect(readFileSync(`${root}/${file}`, 'utf8')).toContain(title)
})

/** Lines such as: - `test/unit/a.test.ts`: “first title”, “second title” */
function proofsOf(text: string): { readonly file: string; readonly title: string }[] {
  return [...text.matchAll(/^- `(test\/[^`]+)`: (.*)$/gm)].flatMap(([, file, titles]) =>
    [...titles!.matchAll(/“([^”]+)”/g)].map(([, title]) => ({ file: file!, title: title! })),
  )
}
