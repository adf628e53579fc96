import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../model/faults.ts'
import { fileError } from './file-errors.ts'

export interface DirectoryOptions {
  /** Of a directory: read the directories within it too. Default: false. */
  readonly recursive?: boolean
  /** Of a directory: only files whose name ends so, e.g. `.csv`. Default: all. */
  readonly suffix?: string
}

/**
 * `path` itself if it is a file; else the files in that directory, ordered by path in code units. Names that begin
 * with `.` are left out: they are what others are still writing.
 *
 * @throws UserError if there is none, saying what was found.
 */
export async function listFiles(kind: string, path: string, options: DirectoryOptions): Promise<string[]> {
  const { recursive = false, suffix = '' } = options
  try {
    const found = await stat(path)
    if (!found.isDirectory()) {
      if (found.isFile()) return [path]
      throw new UserError(
        `${kind}: expected a file or a directory at ${path}, found a device, pipe or socket`,
      )
    }
    const all = await filesIn(path, recursive)
    const files = all.filter((file) => file.endsWith(suffix)).toSorted()
    if (files.length === 0) throw new UserError(`${kind}: ${noFiles(path, suffix, recursive, all.length)}`)
    return files
  } catch (cause) {
    throw fileError(kind, 'read', path, cause)
  }
}

function noFiles(path: string, suffix: string, recursive: boolean, others: number): string {
  const named = suffix === '' ? 'a file' : `a file ending in "${suffix}"`
  const within = recursive ? 'in or below' : 'directly in'
  return `expected ${named} ${within} the directory ${path}, found ${others === 0 ? 'none' : `${others} others`}`
}

async function filesIn(directory: string, recursive: boolean): Promise<string[]> {
  const files: string[] = []
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue
    const path = join(directory, entry.name)
    if (entry.isDirectory()) {
      if (recursive) files.push(...(await filesIn(path, recursive)))
    } else if (entry.isFile() || (entry.isSymbolicLink() && (await stat(path)).isFile())) {
      files.push(path)
    }
  }
  return files
}
