import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { METADATA_NAME, normalLocation } from '../../lib/checkpoint/checkpoint-paths.ts'
import { UserError } from '../../lib/model/faults.ts'

/** More than these are counted. */
const NAMED_MAX = 5

/**
 * Makes sure that `path` can be a checkpoint.
 * @throws UserError if it is none; if there are some below it, such as in a checkpoints directory, with their paths.
 */
export function expectCheckpoint(path: string): void {
  const directory = normalLocation(path)
  if (existsSync(join(directory, METADATA_NAME))) return
  const expected = 'expected the directory of a checkpoint or savepoint'
  const stats = statSync(directory, { throwIfNoEntry: false })
  if (stats === undefined) throw new UserError(`${path}: ${expected}, found nothing there`)
  if (!stats.isDirectory()) throw new UserError(`${path}: ${expected}, found a file`)
  const below = checkpointsBelow(directory)
  if (below.length === 0)
    throw new UserError(`${path}: ${expected}, found no ${METADATA_NAME} in it or below it`)
  const named = below.slice(0, NAMED_MAX).map((one) => `\n  millrace inspect ${one}`)
  const rest = below.length > NAMED_MAX ? `\n  … and ${below.length - NAMED_MAX} more` : ''
  throw new UserError(
    `${path}: ${expected}, found ${below.length} below it; inspect one:${named.join('')}${rest}`,
  )
}

/** Newest first. */
function checkpointsBelow(directory: string): string[] {
  const metadata = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name === METADATA_NAME,
  )
  return metadata
    .map(({ parentPath }) => ({ path: parentPath, atMs: statSync(join(parentPath, METADATA_NAME)).mtimeMs }))
    .toSorted((a, b) => b.atMs - a.atMs)
    .map(({ path }) => path)
}
