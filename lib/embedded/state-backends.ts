import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeyedStateBackendFactory } from '../state/keyed-backend.ts'
import { heapBackends } from '../state/heap-backend.ts'
import type { StateBackendConfig } from '../stream/config.ts'

/** Where the keyed state of running tasks lives. */
export async function stateBackends(
  config: StateBackendConfig,
  runId: string,
): Promise<KeyedStateBackendFactory> {
  if (config.type !== 'lmdb') return heapBackends
  const { lmdbBackends } = await import('./lmdb/lmdb-backend.ts')
  return lmdbBackends({ directory: config.directory ?? join(tmpdir(), `millrace-${runId}`) })
}
