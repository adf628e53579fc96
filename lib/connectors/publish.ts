import { link, rename, stat } from 'node:fs/promises'
import { UserError } from '../model/faults.ts'
import { errorCode, fileError } from './file-errors.ts'

/** File systems without hard links answer so. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/**
 * Gives the staged file its final name, unless it has it already. A link, because unlike a rename it never replaces
 * a file that is there: the caller removes the staged name afterwards.
 */
export async function publish(staged: string, final: string): Promise<void> {
  try {
    await link(staged, final)
  } catch (cause) {
    const code = errorCode(cause)
    if (code === 'EEXIST') await expectSameFile(staged, final)
    else if (code === 'ENOENT') await expectPublished(staged, final)
    else if (code !== undefined && NO_LINKS.has(code)) await renameToFree(staged, final)
    else throw fileError('fileSink', 'publish', final, cause)
  }
}

async function expectPublished(staged: string, final: string): Promise<void> {
  if ((await inodeOf(final)) !== undefined) return
  throw new UserError(
    `fileSink: cannot publish ${final}: neither it nor the staged ${staged} is there, so its records are lost. ` +
      'Expected nobody but the job to change the hidden directory .staging. Put the file back, or restore another checkpoint',
  )
}

async function expectSameFile(staged: string, final: string): Promise<void> {
  const inode = await inodeOf(staged)
  if (inode === undefined || inode === (await inodeOf(final))) return
  throw taken(staged, final)
}

async function renameToFree(staged: string, final: string): Promise<void> {
  const published = (await inodeOf(final)) !== undefined
  if ((await inodeOf(staged)) === undefined) return expectPublished(staged, final)
  if (published) throw taken(staged, final)
  await rename(staged, final)
}

function taken(staged: string, final: string): UserError {
  return new UserError(
    `fileSink: cannot publish ${staged} as ${final}: another file has that name. ` +
      'Expected no other writer there: give each sink a directory or a prefix of its own',
  )
}

async function inodeOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true })
    return `${dev}:${ino}`
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw fileError('fileSink', 'read', path, cause)
  }
}
