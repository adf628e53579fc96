import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RecordGroup } from '../../../../lib/connectors/ingest/record-group.ts'
import { nodeFiles, type DiskFiles, type WritableFile } from '../../../../lib/embedded/disk-files.ts'
import { IngestPartition } from '../../../../lib/embedded/ingest/ingest-partition.ts'
import { IngestGone, type IngestedRecord } from '../../../../lib/ports/ingest-log.ts'

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-ingest-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A partition whose time is moved by hand. */
class TestPartition {
  readonly directory: string
  partition!: IngestPartition
  nowMs = 1_000
  appended = 0

  constructor(directory: string) {
    this.directory = directory
  }

  static async open(directory?: string, files: DiskFiles = nodeFiles): Promise<TestPartition> {
    const made = new TestPartition(directory ?? (await temporaryDirectory()))
    await made.reopen(files)
    return made
  }

  /** As another process would, without this one having closed it. */
  async reopen(files: DiskFiles = nodeFiles): Promise<void> {
    const partition = await IngestPartition.open(this.directory, files, {
      now: () => this.nowMs,
      onAppended: () => this.appended++,
    })
    onTestFinished(() => partition.close())
    this.partition = partition
  }

  append(key: string, ...bodies: readonly string[]): Promise<void> {
    return this.partition.append({ ...group(key, ...bodies), receivedAtMs: this.nowMs })
  }

  async records(after = 0): Promise<IngestedRecord[]> {
    const records: IngestedRecord[] = []
    for (let position = after; ;) {
      const page = await this.partition.read(position)
      records.push(...page.batches.flatMap((batch) => batch.records))
      position = page.through
      if (!page.more) return records
    }
  }

  async bodies(after = 0): Promise<string[]> {
    return (await this.records(after)).map(({ body }) => body)
  }

  get files(): string[] {
    return readdirSync(this.directory).toSorted()
  }

  /** The newest file, to be damaged. */
  get newest(): string {
    return join(this.directory, this.files.at(-1)!)
  }
}

function group(key: string, ...bodies: readonly string[]): RecordGroup {
  return { receivedAtMs: 5, ids: { key, first: 0 }, bodies, refusals: [] }
}

/** Records that declare their ids. */
const declared = (...ids: readonly string[]): RecordGroup => ({
  receivedAtMs: 5,
  ids,
  bodies: ids.map((id) => `body ${id}`),
  refusals: ids.flatMap((id, index) => (id === 'bad' ? [[index, 'it is bad'] as const] : [])),
})

const MEBIBYTE = 'x'.repeat(1024 * 1024)

describe('what is appended', () => {
  test('is read in order, with positions, from any of them', async () => {
    const log = await TestPartition.open()
    expect(await log.partition.read(0)).toEqual({ batches: [], through: 0, more: false })
    await log.append('a', '1', '2')
    await log.append('b', '3')
    expect(await log.partition.read(0)).toEqual({
      batches: [
        {
          position: 1,
          records: [
            { id: 'a-0', body: '1', refusal: undefined, receivedAtMs: 1_000 },
            { id: 'a-1', body: '2', refusal: undefined, receivedAtMs: 1_000 },
          ],
        },
        { position: 2, records: [{ id: 'b-0', body: '3', refusal: undefined, receivedAtMs: 1_000 }] },
      ],
      through: 2,
      more: false,
    })
    expect(await log.bodies(1)).toEqual(['3'])
    expect(await log.partition.read(2)).toEqual({ batches: [], through: 2, more: false })
    expect(log.appended).toBe(2)
  })

  test('is read a page at a time', async () => {
    const log = await TestPartition.open()
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => log.append(`k${n}`, String(n))))
    const page = await log.partition.read(0)
    expect([page.batches.length, page.through, page.more]).toEqual([256, 256, true])
    expect(await log.bodies()).toEqual(Array.from({ length: 1_000 }, (_, n) => String(n)))
  })

  test('is there after a crash, whoever reads it', async () => {
    const log = await TestPartition.open()
    await log.append('a', '1')
    await log.reopen()
    await log.append('b', '2')
    await log.reopen()
    expect(await log.bodies()).toEqual(['1', '2'])
    expect(log.files).toEqual(['000000000001.log', '000000000002.log'])
    await log.append('c', '3')
    expect(await log.bodies(1)).toEqual(['2', '3'])
  })

  test('goes to a new file where one is full, and old files are read again', async () => {
    const log = await TestPartition.open()
    for (let n = 0; n < 20; n++) await log.append(`k${n}`, `${n}${MEBIBYTE}`)
    expect(log.files.length).toBe(3)
    expect((await log.bodies()).map((body) => Number.parseInt(body, 10))).toEqual(
      Array.from({ length: 20 }, (_, n) => n),
    )
    await log.reopen()
    expect((await log.bodies(9)).map((body) => Number.parseInt(body, 10))).toEqual(
      Array.from({ length: 11 }, (_, n) => n + 9),
    )
    expect(log.partition.bytes).toBeGreaterThan(20 * 1024 * 1024)
  })

  test('waits for one flush together with what comes at the same time', async () => {
    let syncs = 0
    const log = await TestPartition.open(
      undefined,
      filesWith({ sync: async (file) => (syncs++, file.sync()) }),
    )
    await Promise.all(Array.from({ length: 100 }, (_, n) => log.append(`k${n}`, String(n))))
    // The first is on its way before the others have come.
    expect(syncs).toBeLessThanOrEqual(2)
    expect((await log.bodies()).length).toBe(100)
  })
})

describe('a repeat', () => {
  test('is taken once within five minutes, also by another process', async () => {
    const log = await TestPartition.open()
    await log.append('a', '1')
    await log.append('a', '1')
    log.nowMs += 299_999
    await log.reopen()
    await log.append('a', '1')
    expect(await log.bodies()).toEqual(['1'])
    log.nowMs += 1
    await log.append('a', '1')
    expect(await log.bodies()).toEqual(['1', '1'])
  })

  test('is durable when it is answered: it waits for what it repeats', async () => {
    let release!: () => void
    const held = new Promise<void>((resolve) => (release = resolve))
    const log = await TestPartition.open(
      undefined,
      filesWith({ sync: async (file) => (await held, file.sync()) }),
    )
    const done: string[] = []
    const first = log.append('a', '1').then(() => done.push('first'))
    const second = log.append('a', '1').then(() => done.push('repeat'))
    await Promise.resolve()
    expect(done).toEqual([])
    release()
    await Promise.all([first, second])
    expect(done.toSorted()).toEqual(['first', 'repeat'])
    expect(await log.bodies()).toEqual(['1'])
  })

  test('of what failed is no repeat', async () => {
    const faults = { left: 1 }
    const log = await TestPartition.open(undefined, failingSync(faults))
    const both = await Promise.allSettled([log.append('a', '1'), log.append('a', '1')])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await log.append('a', '1')
    await log.append('a', '1')
    expect(await log.bodies()).toEqual(['1'])
  })

  test('of a record is known by the id that it declares', async () => {
    const log = await TestPartition.open()
    await log.partition.append(declared('a', 'b', 'a'))
    await log.partition.append(declared('b', 'bad', 'c'))
    expect((await log.records()).map(({ id, refusal }) => [id, refusal])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['bad', 'it is bad'],
      ['c', undefined],
    ])
  })
})

describe('a crash while it is written', () => {
  test('loses nothing that was acknowledged, wherever the file ends', async () => {
    const log = await TestPartition.open()
    await log.append('a', '1')
    const sound = statSync(log.newest).size
    await log.append('b', '2')
    const whole = readFileSync(log.newest)
    for (let size = 0; size < whole.length; size++) {
      writeFileSync(log.newest, whole.subarray(0, size))
      await log.reopen()
      expect(await log.bodies()).toEqual(size >= sound ? ['1'] : [])
      writeFileSync(join(log.directory, '000000000001.log'), whole)
    }
  })

  test('leaves zeros or rubbish behind, which are passed over', async () => {
    const log = await TestPartition.open()
    await log.append('a', '1')
    for (const rubbish of [Buffer.alloc(100), Buffer.from('rubbish that is no frame')]) {
      writeFileSync(log.newest, Buffer.concat([readFileSync(log.newest), rubbish]))
      await log.reopen()
      await log.append(`k${rubbish[0]}`, '2')
    }
    await log.reopen()
    expect(await log.bodies()).toEqual(['1', '2', '2'])
  })

  test('of a new file, before anything is in it', async () => {
    const log = await TestPartition.open()
    await log.append('a', '1')
    writeFileSync(join(log.directory, '000000000002.log'), '')
    await log.reopen()
    expect(log.files).toEqual(['000000000001.log'])
    await log.append('b', '2')
    expect(await log.bodies()).toEqual(['1', '2'])
  })
})

describe('a disk that fails', () => {
  test('what is not flushed is refused, and what comes then does not meet it', async () => {
    const faults = { left: 0 }
    const log = await TestPartition.open(undefined, failingSync(faults))
    await log.append('a', '1')
    faults.left = 2
    await expect(log.append('b', '2')).rejects.toThrow('disk full')
    await expect(log.append('c', '3')).rejects.toThrow('disk full')
    await log.append('d', '4')
    expect(await log.bodies()).toEqual(['1', '4'])
    await log.reopen()
    expect(await log.bodies()).toEqual(['1', '4'])
  })

  test('those that were to be flushed together are all refused', async () => {
    const faults = { left: 0 }
    const log = await TestPartition.open(undefined, failingSync(faults))
    await log.append('a', '1')
    faults.left = 1
    const outcomes = await Promise.allSettled(['b', 'c', 'd'].map((key) => log.append(key, key)))
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    const accepted = ['b', 'c', 'd'].filter((_, index) => outcomes[index]!.status === 'fulfilled')
    expect(await log.bodies()).toEqual(['1', ...accepted])
  })

  test('damage in the middle is refused, with the name of the file', async () => {
    const log = await TestPartition.open()
    await log.append('a', '1')
    await log.append('b', '2')
    await log.reopen()
    await log.append('c', '3')
    const path = join(log.directory, '000000000001.log')
    truncateSync(path, statSync(path).size - 1)
    await expect(log.reopen()).rejects.toThrow(
      `${path}: expected the entries from position 1 to 2, got 1 that are sound`,
    )
  })
})

/** Of several files. */
async function filled(): Promise<TestPartition> {
  const log = await TestPartition.open()
  for (let n = 0; n < 24; n++) await log.append(`k${n}`, `${n}${MEBIBYTE}`)
  return log
}

describe('truncation', () => {
  test('removes whole files below what is needed, once repeats of them are no more', async () => {
    const log = await filled()
    const files = log.files
    const second = Number.parseInt(files[1]!, 10)
    await log.partition.truncate(24)
    expect(log.files).toEqual(files)
    log.nowMs += 300_001
    await log.partition.truncate(second - 1)
    expect(log.files).toEqual(files)
    await log.partition.truncate(second)
    expect(log.files).toEqual(files.slice(1))
    expect((await log.bodies()).length).toBe(24 - second + 1)
    expect((await log.bodies(second - 1)).length).toBe(24 - second + 1)
    await log.partition.truncate(1_000)
    expect(log.files.length).toBe(1)
    await log.reopen()
    await log.append('next', 'x')
    expect((await log.bodies()).at(-1)).toBe('x')
  })

  test('whoever needs what is gone is told', async () => {
    const log = await filled()
    log.nowMs += 300_001
    await log.partition.truncate(20)
    await expect(log.partition.read(1)).rejects.toThrow(IngestGone)
  })

  test('so is whoever had read more than there is', async () => {
    const log = await TestPartition.open()
    await expect(log.partition.read(1)).rejects.toThrow('the log ends at position 0')
  })
})

interface FileFaults {
  readonly sync?: (file: WritableFile) => Promise<void>
}

function filesWith({ sync }: FileFaults): DiskFiles {
  return {
    ...nodeFiles,
    create: async (path) => {
      const file = await nodeFiles.create(path)
      return { ...file, sync: () => (sync === undefined ? file.sync() : sync(file)) }
    },
  }
}

/** Fails to flush for a number of times: what was written may be there, or not. */
function failingSync(faults: { left: number }): DiskFiles {
  return filesWith({
    sync: async (file) => {
      if (faults.left === 0) return file.sync()
      faults.left--
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    },
  })
}
