import { beforeEach, describe, expect, it } from 'vitest'
import type { SegmentHandle } from '../../../lib/checkpoint/checkpoint-record.ts'
import {
  loadSavepoint,
  savepointName,
  writeSavepoint,
  type MergeAll,
} from '../../../lib/checkpoint/savepoint.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import type { BlobStore } from '../../../lib/ports/blob-store.ts'
import { handle, recordOf, sha256, text } from './record-fixtures.ts'

/** A stand-in for segments: it joins their names, so that what was merged, and in which order, can be seen. */
const merge: MergeAll = (segments) => ({
  bytes: text(segments.map(({ name }) => name).join('+')),
  rows: segments.length,
})

let target: MemoryBlobStore

beforeEach(() => {
  target = new MemoryBlobStore('savepoints')
})

function write(segments: readonly SegmentHandle[], changes: { target?: BlobStore; merge?: MergeAll } = {}) {
  const record = recordOf(3, segments)
  return writeSavepoint({
    record,
    readSegment: () => Promise.resolve(text('abc')),
    merge,
    sha256,
    target,
    directory: 'sp',
    ...changes,
  })
}

/** The store as it looks from within the savepoint's directory, as after the directory was moved. */
async function within(directory: string): Promise<MemoryBlobStore> {
  const moved = new MemoryBlobStore('elsewhere')
  for (const name of await target.list(`${directory}/`)) {
    await moved.putIfAbsent(name.slice(directory.length + 1), (await target.get(name))!)
  }
  return moved
}

describe('a savepoint', () => {
  it('is one directory that refers to nothing outside, and loads wherever it is moved', async () => {
    const written = await write([handle('a', 0, 63), handle('b', 64, 127), handle('c', 0, 63)])
    expect(written.kind).toBe('savepoint')
    expect(await target.list('')).toEqual(['sp/1-jump-0-63', 'sp/1-jump-64-127', 'sp/_metadata'])
    expect(await loadSavepoint(await within('sp'), sha256)).toEqual(written)
  })

  it('merges what overlaps in order of age, and nothing else', async () => {
    await write([handle('old', 0, 40), handle('x', 64, 127), handle('new', 30, 63), handle('newest', 0, 10)])
    expect(new TextDecoder().decode(await target.get('sp/1-jump-0-63'))).toBe('old+new+newest')
    expect(new TextDecoder().decode(await target.get('sp/1-jump-64-127'))).toBe('x')
  })

  it('keeps subtasks apart that share a segment of before a change of parallelism', async () => {
    const ranges: unknown[] = []
    const watching: MergeAll = (segments) => {
      ranges.push(segments.map(({ name, keyGroups }) => [name, keyGroups]))
      return merge(segments)
    }
    const [low, high] = [
      { first: 0, last: 63 },
      { first: 64, last: 127 },
    ]
    await write([handle('all', 0, 63), handle('left', 0, 63), handle('all', 64, 127)], { merge: watching })
    expect(ranges).toEqual([
      [
        ['all', low],
        ['left', low],
      ],
      [['all', high]],
    ])
    expect(await target.list('sp/1')).toEqual(['sp/1-jump-0-63', 'sp/1-jump-64-127'])
  })

  it('has no file where no row is left', async () => {
    const written = await write([handle('a')], { merge: () => ({ bytes: text('empty'), rows: 0 }) })
    expect(written.operators[1]!.segments).toEqual([])
    expect(await target.list('')).toEqual(['sp/_metadata'])
  })

  it('keeps operator state, watermarks and everything else', async () => {
    const written = await write([])
    expect(written).toEqual({ ...recordOf(3), kind: 'savepoint' })
  })

  it('that cannot be finished takes back what it wrote', async () => {
    const full: BlobStore = {
      location: 'full',
      get: (name) => target.get(name),
      delete: (name) => target.delete(name),
      list: (prefix) => target.list(prefix),
      putIfAbsent: (name, bytes) =>
        name.endsWith('_metadata') ? Promise.reject(new Error('disk full')) : target.putIfAbsent(name, bytes),
    }
    await expect(write([handle('a')], { target: full })).rejects.toThrow('disk full')
    expect(await target.list('')).toEqual([])
  })

  it('does not touch one that is there', async () => {
    const first = await write([handle('a')])
    await expect(write([handle('b')])).rejects.toThrow('savepoints/sp/1-jump-0-127: expected a free place')
    expect(await loadSavepoint(await within('sp'), sha256)).toEqual(first)
  })

  it('is refused where a file of it is missing, or it is not there at all', async () => {
    await write([handle('a')])
    await target.delete('sp/1-jump-0-127')
    await expect(loadSavepoint(await within('sp'), sha256)).rejects.toThrow(
      'elsewhere/1-jump-0-127: a segment',
    )
    await expect(loadSavepoint(new MemoryBlobStore('nowhere'), sha256)).rejects.toThrow(
      'nowhere/_metadata: expected',
    )
  })

  it('is called after its job', () => {
    expect(savepointName('word/count', '1a2b')).toBe('savepoint-word%2Fcount-1a2b')
  })
})
