import { randomUUID } from 'node:crypto'
import { TEMPORARY_PREFIX } from '../ports/blob-names.ts'
import { hasCode } from './disk-files.ts'

/** Tells this process from an earlier one that had the same number, as in containers. */
const PROCESS_TOKEN = randomUUID().slice(0, 8)
const NAME = /^\.tmp-(\d+)-([^-]+)-\d+$/

/** Over the whole process, whoever asks. */
let count = 0

/** The name of a file that is being written, which tells who writes it. */
export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${process.pid}-${PROCESS_TOKEN}-${++count}`
}

/** Whether this is a temporary file of ours whose process is gone. */
export function isAbandoned(name: string): boolean {
  const [, pid, token] = NAME.exec(name) ?? []
  if (pid === undefined) return false
  if (Number(pid) === process.pid) return token !== PROCESS_TOKEN
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (cause) {
    return hasCode(cause, 'ESRCH')
  }
}
