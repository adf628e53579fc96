import { describe, expect, it } from 'vitest'
import type { BlobStore } from '../../lib/ports/blob-store.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

/** What every blob store must do, wherever it keeps the bytes. `open` gives an empty one. */
export function blobStoreContract(name: string, open: () => Promise<BlobStore>): void {
  describe(`${name} keeps the contract of a blob store`, () => {
    it('gives back what was put', async () => {
      const store = await open()
      expect(await store.putIfAbsent('job/run/chk-1/_metadata', bytes(1, 2, 3))).toBe('stored')
      expect(Uint8Array.from((await store.get('job/run/chk-1/_metadata'))!)).toEqual(bytes(1, 2, 3))
    })

    it('stores empty and large blobs', async () => {
      const store = await open()
      const large = new Uint8Array(3_000_000).map((_, index) => index % 251)
      await store.putIfAbsent('empty', bytes())
      await store.putIfAbsent('large', large)
      expect((await store.get('empty'))!.length).toBe(0)
      expect(Buffer.compare((await store.get('large'))!, large)).toBe(0)
    })

    it('answers undefined for what is not there', async () => {
      const store = await open()
      await store.putIfAbsent('a/b', bytes(1))
      expect(await store.get('nothing')).toBeUndefined()
      expect(await store.get('a')).toBeUndefined()
      expect(await store.get('a/b/c')).toBeUndefined()
    })

    it('never changes a blob', async () => {
      const store = await open()
      const mine = bytes(1)
      await store.putIfAbsent('a', mine)
      mine[0] = 9
      expect(await store.putIfAbsent('a', bytes(2))).toBe('exists')
      expect((await store.get('a'))![0]).toBe(1)
    })

    it('lets exactly one of many writers of a name win, and shows no other bytes', async () => {
      const store = await open()
      const writers = Array.from({ length: 16 }, (_, index) => new Uint8Array(10_000).fill(index))
      const outcomes = await Promise.all(writers.map((own) => store.putIfAbsent('run/race', own)))
      expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
      const kept = (await store.get('run/race'))!
      expect(kept.length).toBe(10_000)
      expect(kept.every((value) => value === outcomes.indexOf('stored'))).toBe(true)
    })

    it('stores many names at once', async () => {
      const store = await open()
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => store.putIfAbsent(`run/${index % 5}/${index}`, bytes(1))),
      )
      expect(await store.list('run/')).toHaveLength(50)
    })

    it('lists by prefix in the order of code units', async () => {
      const store = await open()
      for (const blob of ['job/b', 'job/a/2', 'job/a/10', 'job/B', 'jobs/x', 'other', 'job/é']) {
        await store.putIfAbsent(blob, bytes(1))
      }
      expect(await store.list('job/')).toEqual(['job/B', 'job/a/10', 'job/a/2', 'job/b', 'job/é'])
      expect(await store.list('job')).toHaveLength(6)
      expect(await store.list('job/a/1')).toEqual(['job/a/10'])
      expect(await store.list('')).toHaveLength(7)
      expect(await store.list('nowhere/at/all')).toEqual([])
    })

    it('takes names of any characters, and lists them as they are', async () => {
      const store = await open()
      const names = [' ', '#1', '%41', '&', '+', 'a b', "a'b", 'a=b', 'a?b', 'ß', '漢字', '😀', '\uFF5E']
      const paths = names.map((text) => `odd/${text}/${text}`)
      for (const [index, path] of paths.entries()) await store.putIfAbsent(path, bytes(index))
      expect(await store.list('odd/')).toEqual(paths)
      for (const [index, path] of paths.entries()) {
        expect((await store.get(path))![0]).toBe(index)
        expect(await store.list(path)).toEqual([path])
      }
      await store.delete('odd/a+b/a+b')
      await store.delete('odd/+/+')
      expect(await store.list('odd/')).toEqual(paths.filter((path) => path !== 'odd/+/+'))
    })

    it('gives each reader bytes of his own', async () => {
      const store = await open()
      await store.putIfAbsent('a', bytes(1, 2))
      const mine = (await store.get('a'))!
      mine[0] = 9
      expect((await store.get('a'))![0]).toBe(1)
    })

    it('tells every later writer of the same bytes that they are there', async () => {
      const store = await open()
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => store.putIfAbsent('run/same', bytes(1, 2, 3))),
      )
      expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(7)
      expect(await store.putIfAbsent('run/same', bytes(1, 2, 3))).toBe('exists')
    })

    it('shows at once what was put, and what was deleted', async () => {
      const store = await open()
      for (let round = 0; round < 3; round++) {
        await store.putIfAbsent('run/x', bytes(round))
        expect((await store.get('run/x'))![0]).toBe(round)
        expect(await store.list('run/')).toEqual(['run/x'])
        await store.delete('run/x')
        expect(await store.get('run/x')).toBeUndefined()
        expect(await store.list('run/')).toEqual([])
      }
    })

    it('deletes, also what is not there, and takes the name again', async () => {
      const store = await open()
      await store.putIfAbsent('a/b/c', bytes(1))
      await store.putIfAbsent('a/d', bytes(1))
      await store.delete('a/b/c')
      await store.delete('a/b/c')
      await store.delete('nowhere/x')
      expect(await store.list('')).toEqual(['a/d'])
      expect(await store.putIfAbsent('a/b/c', bytes(2))).toBe('stored')
    })

    it('deletes and stores in one directory at once', async () => {
      const store = await open()
      for (let round = 0; round < 20; round++) {
        await store.putIfAbsent(`run/dir/${round}`, bytes(1))
        await Promise.all([
          store.delete(`run/dir/${round}`),
          store.putIfAbsent(`run/dir/new-${round}`, bytes(2)),
        ])
        await store.delete(`run/dir/new-${round}`)
      }
      expect(await store.list('')).toEqual([])
    })

    it.each(['../a', 'a/../../b', '/etc/a', '', 'a//b', './a', 'a\\b', 'a/.tmp-1', 'a\0b'])(
      'refuses the name %j',
      async (wrong) => {
        const store = await open()
        await expect((async () => store.putIfAbsent(wrong, bytes(1)))()).rejects.toThrow("a blob's name is")
        await expect((async () => store.get(wrong))()).rejects.toThrow("a blob's name is")
        await expect((async () => store.delete(wrong))()).rejects.toThrow("a blob's name is")
      },
    )
  })
}

/** For stores that list in pages of a thousand names or so. */
export function manyBlobsContract(name: string, open: () => Promise<BlobStore>): void {
  describe(`${name} keeps the contract of a blob store, with many blobs`, () => {
    it('lists any number of names', async () => {
      const store = await open()
      const names = Array.from({ length: 1100 }, (_, index) => `run/${String(index).padStart(5, '0')}`)
      for (let first = 0; first < names.length; first += 100)
        await Promise.all(names.slice(first, first + 100).map((blob) => store.putIfAbsent(blob, bytes(1))))
      await store.putIfAbsent('later', bytes(1))
      expect(await store.list('run/')).toEqual(names)
    })
  })
}
