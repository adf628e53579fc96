import { writeFileSync } from 'node:fs'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { jsonLines } from '../../../lib/connectors/index.ts'
import type { Source } from '../../../lib/stream/source.ts'
import { readAll, readWithRestart } from './drive.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const at = temporaryDirectory()
const reading = z.object({ id: z.string(), celsius: z.coerce.number() })

test('values are checked and typed by a schema; bad ones go to the dead letters with line and reason', async () => {
  const lines = [
    '{"id":"a","celsius":"1.5"}',
    '',
    '{"id":',
    '  ',
    '{"id":7,"celsius":2}',
    '{"id":"b","celsius":3}',
  ]
  writeFileSync(at('in.jsonl'), lines.join('\r\n'))
  const source = jsonLines(at('in.jsonl'), { schema: reading })
  expectTypeOf(source).toEqualTypeOf<Source<{ id: string; celsius: number }>>()
  const { values, letters } = await readAll(source)
  expect(values).toEqual([
    { id: 'a', celsius: 1.5 },
    { id: 'b', celsius: 3 },
  ])
  expect(letters).toEqual([
    { position: `${at('in.jsonl')}:3`, reason: expect.stringMatching(/JSON/), raw: '{"id":' },
    { position: `${at('in.jsonl')}:5`, reason: expect.stringMatching(/^id: /), raw: lines[4] },
  ])
  const whole = (await readAll(source)).all
  for (let count = 0; count <= 4; count++) expect(await readWithRestart(source, count)).toEqual(whole)
})

test('without a schema any JSON value is a record', async () => {
  writeFileSync(at('in.jsonl'), '\uFEFF1\n"水"\nnull\n[2]')
  expect((await readAll(jsonLines(at('in.jsonl')))).values).toEqual([1, '水', null, [2]])
})
