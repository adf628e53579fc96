import { messageOf, UserError } from '../model/faults.ts'

const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'there is nothing at this path',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'this process has too many files open',
}

/** What only its user can mend: no restart helps. The rest, such as a full disk, may be over by the next attempt. */
const USER_MISTAKES = new Set(['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'EISDIR', 'EROFS'])

export function errorCode(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** `csv: cannot read data.csv: permission denied (EACCES)`. */
export function fileError(kind: string, doing: string, path: string, cause: unknown): Error {
  if (cause instanceof UserError) return cause
  const code = errorCode(cause)
  const meaning = code === undefined ? undefined : MEANINGS[code]
  const why = meaning === undefined ? messageOf(cause) : `${meaning} (${code})`
  const message = `${kind}: cannot ${doing} ${path}: ${why}`
  const isMistake = code !== undefined && USER_MISTAKES.has(code)
  return isMistake ? new UserError(message, { cause }) : new Error(message, { cause })
}
