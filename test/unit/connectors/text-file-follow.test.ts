import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { textFile } from '../../../lib/connectors/index.ts'
import { drain, openReader, output, readerContext, splitSource } from './drive.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const at = temporaryDirectory()
const WAIT = { waitUntilMs: 1_200 }
const context = readerContext({ now: () => 1_000 })

test('a growing file is followed, a line at a time', async () => {
  writeFileSync(at('log'), 'a\nb')
  const source = textFile(at('log'), { follow: true })
  expect(splitSource(source).bounded).toBe(false)
  const reader = await openReader(source, undefined, context)
  const out = output<string>()
  expect(await drain(reader, out)).toEqual(WAIT)
  expect(out.values).toEqual(['a'])
  appendFileSync(at('log'), 'b\n')
  expect(await drain(reader, out)).toEqual(WAIT)
  expect(await drain(reader, out)).toEqual(WAIT)
  appendFileSync(at('log'), 'c\nd')
  expect(await drain(reader, out)).toEqual(WAIT)
  expect(out.values).toEqual(['a', 'bb', 'c'])

  const splits = reader.snapshot()
  await reader.close?.()
  appendFileSync(at('log'), '\n')
  const restored = await openReader(source, splits, context)
  const rest = output<string>()
  expect(await drain(restored, rest)).toEqual(WAIT)
  expect(rest.values).toEqual(['d'])
  await restored.close?.()
})

test('several files are followed in turns', async () => {
  for (const name of ['a', 'b', 'c']) writeFileSync(at(name), `${name}1\n`)
  const reader = await openReader(textFile(at(), { follow: true, pollIntervalMs: 200 }), undefined, context)
  const out = output<string>()
  expect(await drain(reader, out)).toEqual(WAIT)
  appendFileSync(at('c'), 'c2\n')
  appendFileSync(at('a'), 'a2\n')
  expect(await drain(reader, out)).toEqual(WAIT)
  expect(out.values.toSorted()).toEqual(['a1', 'a2', 'b1', 'c1', 'c2'])
  await reader.close?.()
})

test.each([
  ['truncated', () => truncateSync(at('log'), 1), /truncated to 1 bytes, below byte 4/],
  ['removed', () => rmSync(at('log')), /removed or renamed/],
  [
    'replaced',
    () => {
      renameSync(at('log'), at('log.1'))
      writeFileSync(at('log'), 'new\n')
    },
    /another file took its name/,
  ],
])('a followed file that is %s fails the job', async (_, change, message) => {
  writeFileSync(at('log'), 'a\nb\n')
  const reader = await openReader(textFile(at('log'), { follow: true }), undefined, context)
  await drain(reader, output<string>())
  change()
  await expect(drain(reader, output<string>())).rejects.toThrow(message)
  await reader.close?.()
})
