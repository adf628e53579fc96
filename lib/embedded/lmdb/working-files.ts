import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, UserError } from '../../model/faults.ts'
import { open, type Database, type RootDatabase } from 'lmdb'

type BinaryDatabase = Database<Uint8Array, Buffer>

/** The databases of one backend. */
export interface WorkingFiles {
  /** By row key: StoredRecord. */
  readonly rows: BinaryDatabase
  /** By row key, of rows changed since the last snapshot: the key text if the row key does not tell, else nothing. */
  readonly changed: BinaryDatabase
  /** By timer key: the key text. Timers of rows that are not in memory, one database for each domain. */
  readonly eventTimers: BinaryDatabase
  readonly processingTimers: BinaryDatabase
  /** Runs `action` in one write transaction, nested calls in that of the outermost. */
  transaction(action: () => void): void
  /** Closes the databases and removes their files. */
  remove(): void
}

/** `state-<process id>-<id of the process's run>-<number>` */
const NAME = /^state-(\d+)-([\da-f]+)-\d+$/
const runOfProcess = randomUUID().replaceAll('-', '')
let opened = 0

/** Removes what processes left behind that are no more. */
export function clearLeftovers(directory: string): void {
  for (const name of entriesOf(directory)) {
    const match = NAME.exec(name)
    if (match === null || match[2] === runOfProcess) continue
    // In a container, the new process often has the id of the old one.
    const pid = Number(match[1])
    if (pid === process.pid || !isAlive(pid)) rmSync(join(directory, name), { recursive: true, force: true })
  }
}

function entriesOf(directory: string): string[] {
  try {
    mkdirSync(directory, { recursive: true })
    return readdirSync(directory)
  } catch (cause) {
    throw new UserError(
      `lmdb: expected ${directory} to be a directory for its working files, which this user may write: ${messageOf(cause)}. ` +
        'Choose another by stateBackend.directory',
      { cause },
    )
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** `isTemporary`: nobody asked for the directory, so it goes with the last of the files in it. */
export function openWorkingFiles(directory: string, isTemporary: boolean): WorkingFiles {
  opened++
  const path = join(directory, `state-${process.pid}-${runOfProcess}-${opened}`)
  mkdirSync(path, { recursive: true })
  const root: RootDatabase<Uint8Array, Buffer> = open({
    path,
    maxDbs: 8,
    // Snapshots make state durable. These files are scratch space: nothing of them outlives the process.
    noSync: true,
    noMetaSync: true,
    noMemInit: true,
    overlappingSync: false,
  })
  const database = (name: string): BinaryDatabase =>
    root.openDB<Uint8Array, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' })
  let inTransaction = false
  return {
    rows: database('rows'),
    changed: database('changed'),
    eventTimers: database('event-timers'),
    processingTimers: database('processing-timers'),
    transaction(action) {
      if (inTransaction) return action()
      inTransaction = true
      try {
        root.transactionSync(action)
      } finally {
        inTransaction = false
      }
    },
    remove() {
      void root.close()
      rmSync(path, { recursive: true, force: true })
      if (isTemporary) removeIfEmpty(directory)
    },
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // Others have files in it, or have removed it.
  }
}
