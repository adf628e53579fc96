import { UserError } from '../../model/faults.ts'
import type { KeyedStateBackendFactory } from '../../state/keyed-backend.ts'
import { LmdbBackend } from './lmdb-keyed-backend.ts'
import { clearLeftovers, openWorkingFiles } from './working-files.ts'

const CACHE_BYTES_DEFAULT = 64 * 1024 * 1024

export interface LmdbOptions {
  /** Where working files live while the job runs. What dead processes left there is removed; the rest is not. */
  readonly directory: string
  /** Whether the directory itself goes when nothing is in it any more. Default false. */
  readonly isTemporary?: boolean
  /** How much of the process's heap the rows of each operator's subtask may take, roughly. Default 64 MiB. */
  readonly cacheBytes?: number | undefined
}

/** Keyed state on disk, for more of it than fits in memory. Snapshots, not the working files, make it durable. */
export function lmdbBackends(options: LmdbOptions): KeyedStateBackendFactory {
  const { directory, isTemporary = false, cacheBytes = CACHE_BYTES_DEFAULT } = options
  if (!(cacheBytes > 0))
    throw new UserError(`lmdb: cacheBytes: expected more than 0 bytes, got ${cacheBytes}`)
  let isClear = false
  return {
    create(backendOptions) {
      if (!isClear) clearLeftovers(directory)
      isClear = true
      return new LmdbBackend(backendOptions, openWorkingFiles(directory, isTemporary), cacheBytes)
    },
  }
}
