import { open } from 'node:fs/promises'
import { errorCode } from './file-errors.ts'

/** Not every system lets a directory be opened or synced; those that do not need no such call. */
const UNSUPPORTED = new Set(['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP'])

/** Makes the names in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (cause) {
    if (!UNSUPPORTED.has(errorCode(cause) ?? '')) throw cause
  }
}
