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

export function errorCode(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** `csv: cannot read data.csv: permission denied (EACCES)`. */
export function fileError(kind: string, doing: string, path: string, cause: unknown): UserError {
  if (cause instanceof UserError) return cause
  const code = errorCode(cause)
  const meaning = code === undefined ? undefined : MEANINGS[code]
  const why = meaning === undefined ? messageOf(cause) : `${meaning} (${code})`
  return new UserError(`${kind}: cannot ${doing} ${path}: ${why}`, { cause })
}
