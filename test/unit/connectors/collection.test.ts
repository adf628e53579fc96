import { expect, test } from 'vitest'
import { collection } from '../../../lib/connectors/index.ts'
import { openReader, readAll, readWithRestart, splitSource } from './drive.ts'

test('values come in order, once, after a restart anywhere', async () => {
  const source = collection(['a', 'b', undefined, 'd'])
  expect(splitSource(source)).toMatchObject({ bounded: true, parallelismMax: 1 })
  for (let count = 0; count <= 4; count++) {
    expect(await readWithRestart(source, count)).toEqual(['a', 'b', undefined, 'd'])
  }
  expect((await readAll(collection([]))).values).toEqual([])
})

test('a subtask without the split reads nothing', async () => {
  expect((await readAll(collection([1]), [])).values).toEqual([])
})

test('fewer values than the checkpoint read are refused', async () => {
  await expect(openReader(collection([1]), [{ index: 2 }])).rejects.toThrow(
    /after 2 values, but there are only 1/,
  )
})
