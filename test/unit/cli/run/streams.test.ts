import { PassThrough } from 'node:stream'

import { expect, test, vi } from 'vitest'

import { LineBuffer } from '../../../../cli/run/line-buffer.ts'
import { tap } from '../../../../cli/run/tap.ts'

test('text waits for the end of its line, however it is cut', () => {
  const buffer = new LineBuffer()
  const bytes = new TextEncoder().encode('北京\nab')
  expect(buffer.add(bytes.subarray(0, 4))).toBe('')
  expect(buffer.add(bytes.subarray(4))).toBe('北京\n')
  expect(buffer.add('c\nd\ne')).toBe('abc\nd\n')
  expect(buffer.rest()).toBe('e')
  expect(buffer.rest()).toBe('')
})

test('a tapped stream gives what is written to it to somebody else, until it is released', async () => {
  const stream = new PassThrough({ encoding: 'utf8' }) as unknown as NodeJS.WriteStream & PassThrough
  const taken: unknown[] = []
  const tapped = tap(stream, (chunk, encoding) => taken.push([chunk, encoding]))
  const done = vi.fn<() => void>()
  stream.write('a')
  stream.write('62', 'hex', done)
  stream.write('c', done)
  tapped.write('own')
  await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(2))

  tapped.release()
  stream.write('+after')
  expect(taken).toEqual([
    ['a', undefined],
    ['62', 'hex'],
    ['c', undefined],
  ])
  expect(stream.read()).toBe('own+after')
})
