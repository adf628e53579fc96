import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeFiles, type DiskFiles } from '../../../lib/embedded/disk-files.ts'
import { lockRun } from '../../../lib/embedded/run-lock.ts'

/** Above what any system gives a process. */
const NO_SUCH_PID = 99_999_999

let root: string
let run: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
  run = join(root, 'job', 'run')
})
afterEach(() => rmSync(root, { recursive: true }))

const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))
const files = (over: Partial<DiskFiles>): DiskFiles => ({ ...nodeFiles, ...over })

test('names its process from the first, on a disk that takes a byte at a time', async () => {
  const release = await lockRun(
    run,
    files({
      async create(path) {
        const file = await nodeFiles.create(path)
        return { ...file, write: (bytes) => file.write(bytes.subarray(0, 1)) }
      },
    }),
  )
  expect(readFileSync(join(run, 'lock'), 'utf8')).toBe(String(process.pid))
  expect(readdirSync(run)).toEqual(['lock'])
  await release()
  expect(readdirSync(root)).toEqual([])
})

test.each(['create', 'link', 'makeDirectory', 'syncDirectory'] as const)(
  'that cannot be taken for a failing %s leaves no file behind, and can be taken later',
  async (step) => {
    await expect(lockRun(run, files({ [step]: failing('ENOSPC') }))).rejects.toThrow(
      /Cannot lock .*disk full/,
    )
    const left = readdirSync(root, { recursive: true, withFileTypes: true })
    expect(left.filter((entry) => entry.isFile())).toEqual([])
    const release = await lockRun(run, nodeFiles)
    await release()
  },
)

test('of a process that is gone is taken over, by one of those that try', async () => {
  mkdirSync(run, { recursive: true })
  writeFileSync(join(run, 'lock'), String(NO_SUCH_PID))
  // Files of their own: as processes would, they do not know of one another.
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => lockRun(run, files({}))))
  // Each takes the others for an earlier process of the same number; but no file is lost or left on the way.
  expect(tries.some(({ status }) => status === 'fulfilled')).toBe(true)
  expect(readdirSync(run)).toEqual(['lock'])
})

test('on a disk without links is taken all the same', async () => {
  const release = await lockRun(run, files({ link: failing('ENOTSUP') }))
  expect(readFileSync(join(run, 'lock'), 'utf8')).toBe(String(process.pid))
  await release()
})

test('leaves what is not its own', async () => {
  const release = await lockRun(run, nodeFiles)
  writeFileSync(join(run, 'notes.txt'), 'mine')
  await release()
  expect(readdirSync(run)).toEqual(['notes.txt'])
})
