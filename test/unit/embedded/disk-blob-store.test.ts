import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskBlobStore } from '../../../lib/embedded/disk-blob-store.ts'
import { nodeFiles, type DiskFiles } from '../../../lib/embedded/disk-files.ts'
import { BlobStoreError } from '../../../lib/ports/blob-store.ts'

const BYTES = Uint8Array.from([1, 2, 3, 4, 5])
/** Above what any system gives a process. */
const NO_SUCH_PID = 99_999_999

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-disk-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

function failing(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(`${code}: in words`), { code }))
}

const openWith = (files: Partial<DiskFiles>) => DiskBlobStore.open(directory, { ...nodeFiles, ...files })

describe('a write that fails', () => {
  it.each([
    ['ENOSPC', 'disk full'],
    ['EDQUOT', 'quota'],
    ['EROFS', 'read-only'],
    ['EIO', 'input/output'],
  ])('of %s half-way says so, names the path, and leaves nothing', async (code, words) => {
    let calls = 0
    const store = await openWith({
      async create(path) {
        const file = await nodeFiles.create(path)
        return {
          ...file,
          write: (bytes) => (++calls === 1 ? file.write(bytes.subarray(0, 2)) : failing(code)()),
        }
      },
    })
    const put = store.putIfAbsent('run/a', BYTES)
    await expect(put).rejects.toThrow(BlobStoreError)
    await expect(put).rejects.toThrow(new RegExp(`${words}.*${code}`))
    await expect(put).rejects.toThrow(join(directory, 'run/a'))
    expect(await store.list('')).toEqual([])
    expect(readdirSync(directory)).toEqual([])
  })

  it.each([
    ['EACCES', 'not permitted'],
    ['EMFILE', 'ulimit -n'],
  ])('with %s on creating the file', async (code, words) => {
    const store = await openWith({ create: failing(code) })
    await expect(store.putIfAbsent('a', BYTES)).rejects.toThrow(words)
  })

  it('because the flush failed stores nothing', async () => {
    const store = await openWith({
      create: async (path) => ({ ...(await nodeFiles.create(path)), sync: failing('EIO') }),
    })
    await expect(store.putIfAbsent('a', BYTES)).rejects.toThrow(BlobStoreError)
    expect(await store.get('a')).toBeUndefined()
  })

  it('because the place is a file names it', async () => {
    writeFileSync(join(directory, 'file'), '')
    const store = await DiskBlobStore.open(directory)
    await expect(store.putIfAbsent('file/a', BYTES)).rejects.toThrow(/expected a directory|EEXIST/)
    await expect(DiskBlobStore.open(join(directory, 'file'))).rejects.toThrow('expected a directory')
  })
})

describe('a file that takes a few bytes at a time', () => {
  it('gets them all', async () => {
    const store = await openWith({
      async create(path) {
        const file = await nodeFiles.create(path)
        return { ...file, write: (bytes) => file.write(bytes.subarray(0, 2)) }
      },
    })
    await store.putIfAbsent('a', BYTES)
    expect([...(await store.get('a'))!]).toEqual([...BYTES])
  })
})

/** Everything stops dead at the given step: not even cleaning up happens. */
const dead = (step: keyof DiskFiles): Partial<DiskFiles> => ({
  [step]: failing('ECRASH'),
  unlink: () => Promise.resolve(),
})

describe('a crash', () => {
  it('before the file has its name shows nothing, then or later', async () => {
    const store = await openWith(dead('link'))
    await expect(store.putIfAbsent('run/a', BYTES)).rejects.toThrow(BlobStoreError)
    expect(readdirSync(join(directory, 'run'))).toHaveLength(1)
    const next = await DiskBlobStore.open(directory)
    expect(await next.list('')).toEqual([])
    expect(await next.get('run/a')).toBeUndefined()
    expect(await next.putIfAbsent('run/a', BYTES)).toBe('stored')
  })

  it('leaves a file that the next one to list its directory removes, but not what a living process writes', async () => {
    mkdirSync(join(directory, 'run'))
    writeFileSync(join(directory, 'run', `.tmp-${NO_SUCH_PID}-abc-1`), 'half')
    writeFileSync(join(directory, 'run', `.tmp-${process.pid}-earlier-1`), 'half')
    writeFileSync(join(directory, 'run', `.tmp-${process.ppid}-abc-1`), 'half')
    const store = await DiskBlobStore.open(directory)
    expect(await store.list('run/')).toEqual([])
    expect(readdirSync(join(directory, 'run'))).toEqual([`.tmp-${process.ppid}-abc-1`])
  })
})

describe('durability', () => {
  it('flushes the file before it has its name, and every new directory and the name after', async () => {
    const steps: string[] = []
    const store = await openWith({
      async create(path) {
        const file = await nodeFiles.create(path)
        return {
          ...file,
          sync: () => {
            steps.push('flush file')
            return file.sync()
          },
        }
      },
      link(from, to) {
        steps.push('link')
        return nodeFiles.link(from, to)
      },
      syncDirectory(path) {
        steps.push(`flush ${path.slice(directory.length)}/`)
        return nodeFiles.syncDirectory(path)
      },
    })
    await store.putIfAbsent('a/b/c', BYTES)
    // Who made the directories above may have crashed before their names were durable.
    expect(steps.slice(0, 2)).toEqual(['flush /a/', 'flush /'])
    expect(steps.slice(-3)).toEqual(['flush file', 'link', 'flush /a/b/'])
    steps.length = 0
    await store.putIfAbsent('a/b/d', BYTES)
    expect(steps).toEqual(['flush file', 'link', 'flush /a/b/'])
  })

  it('flushes a removal that an earlier one may have failed to flush', async () => {
    let flushes = 0
    const store = await openWith({
      syncDirectory(path) {
        if (++flushes === 1) return failing('EIO')()
        return nodeFiles.syncDirectory(path)
      },
    })
    mkdirSync(join(directory, 'run'))
    writeFileSync(join(directory, 'run', 'a'), '')
    await expect(store.delete('run/a')).rejects.toThrow(BlobStoreError)
    await store.delete('run/a')
    expect(flushes).toBe(2)
  })

  it('makes the directory again when another process removed it meanwhile', async () => {
    let removed = false
    const store = await openWith({
      create(path) {
        if (!removed) {
          removed = true
          rmSync(join(directory, 'run'), { recursive: true })
        }
        return nodeFiles.create(path)
      },
    })
    expect(await store.putIfAbsent('run/a', BYTES)).toBe('stored')
  })
})
