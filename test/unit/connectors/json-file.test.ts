import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { jsonFile } from '../../../lib/connectors/index.ts'
import { readAll, readWithRestart } from './drive.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const at = temporaryDirectory()

test('the elements of each file, surviving a restart after any of them', async () => {
  writeFileSync(at('a.json'), '\uFEFF[1, 2, "x"]')
  writeFileSync(at('b.json'), '[]')
  writeFileSync(at('c.json'), '[3]')
  const source = jsonFile(at(), { schema: z.number() })
  const letter = { position: `${at('a.json')}[2]`, reason: expect.any(String), raw: '"x"' }
  for (let count = 0; count <= 4; count++) {
    expect(await readWithRestart(source, count)).toEqual([1, 2, letter, 3])
  }
})

test('a public data set', async () => {
  const path = fileURLToPath(new URL('../../../node_modules/vega-datasets/data/cars.json', import.meta.url))
  const { values } = await readAll(jsonFile<{ Name: string }>(path))
  expect(values).toHaveLength(406)
  expect(values[0]!.Name).toBe('chevrolet chevelle malibu')
})

test.each([
  ['{"a":1}', /to be one JSON array, got object; for one value a line use jsonLines/],
  ['null', /got null/],
  ['[1', /to be one JSON array: /],
])('%s is refused', async (content, message) => {
  writeFileSync(at('a.json'), content)
  await expect(readAll(jsonFile(at('a.json')))).rejects.toThrow(message)
})

test('a file that is shorter than what the checkpoint read is refused', async () => {
  writeFileSync(at('a.json'), '[1]')
  const restored = readAll(jsonFile(at('a.json')), [{ path: at('a.json'), index: 2 }])
  await expect(restored).rejects.toThrow(/read up to element 2, but has only 1/)
})
