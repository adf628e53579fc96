import { UserError } from '../model/faults.ts'
import type { Source, SplitSource } from '../stream/source.ts'
import type { TextEncoding } from './block.ts'
import type { FileFormat, FileSplit } from './file-cursor.ts'
import { FileReader } from './file-reader.ts'
import { listFiles, type DirectoryOptions } from './list-files.ts'
import { TailingReader } from './tailing-reader.ts'

export interface FileSourceOptions extends DirectoryOptions {
  /** Default: `utf8`. A line that is not valid UTF-8 goes to the dead letters. */
  readonly encoding?: TextEncoding
  /** A longer line goes to the dead letters. Bytes. Default: 1 MiB. */
  readonly lineBytesMax?: number
  /** How much is read at once, and once ahead. Bytes. Default: 256 KiB. */
  readonly chunkBytes?: number
}

export interface FollowOptions {
  /** Go on when the end is reached, as `tail -f`: the source is unbounded. Default: false. */
  readonly follow?: boolean
  /** How often a file that is followed is looked at. Milliseconds. Default: 200. */
  readonly pollIntervalMs?: number
}

export const FILE_DEFAULTS: { readonly lineBytesMax: number; readonly chunkBytes: number } = {
  lineBytesMax: 1_048_576,
  chunkBytes: 262_144,
}

const POLL_INTERVAL_MS = 200

/** A source of the records of one file, or of all in a directory; a file is a split. */
export function fileSource<T>(
  path: string,
  options: FileSourceOptions & FollowOptions,
  format: FileFormat,
): Source<T> {
  const { kind } = format
  const { follow = false, pollIntervalMs = POLL_INTERVAL_MS } = options
  checkOptions(kind, path, { ...options, pollIntervalMs })
  const source: SplitSource<unknown, FileSplit> = {
    type: 'splits',
    refusesRecords: true,
    kind,
    bounded: !follow,
    machineBound: 'files of this machine',
    async enumerateSplits() {
      const files = await listFiles(kind, path, options)
      return files.map((file) => ({ path: file, offset: 0, line: 0 }))
    },
    createReader: (ctx) => (follow ? new TailingReader(format, pollIntervalMs, ctx) : new FileReader(format)),
  }
  return source as Source<T>
}

function checkOptions(kind: string, path: string, options: FileSourceOptions & FollowOptions): void {
  const problems: string[] = []
  if (path === '') problems.push(`${kind}: expected the path of a file or a directory, got ''`)
  const { encoding = 'utf8' } = options
  if (encoding !== 'utf8' && encoding !== 'latin1') {
    problems.push(`${kind}: expected encoding to be 'utf8' or 'latin1', got ${JSON.stringify(encoding)}`)
  }
  for (const name of ['lineBytesMax', 'chunkBytes', 'pollIntervalMs'] as const) {
    const value = options[name] ?? 1
    if (!Number.isInteger(value) || value < 1) {
      problems.push(`${kind}: expected ${name} to be a whole number above 0, got ${value}`)
    }
  }
  if (problems.length > 0) throw new UserError(problems)
}
