import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import type { JobPlan } from '../graph/plan.ts'
import { stateSpecOf } from '../operators/state-spec.ts'
import type { KeyedStateBackendFactory } from '../state/keyed-backend.ts'
import { heapBackends } from '../state/heap-backend.ts'
import type { StateBackendConfig } from '../stream/config.ts'

/** Of the heap that Node may use, what LMDB's rows in memory may take; the rest is for records, snapshots and users. */
const CACHE_SHARE = 1 / 4
const CACHE_BYTES_MIN = 8 * 1024 * 1024
const CACHE_BYTES_MAX = 512 * 1024 * 1024

/** Where the keyed state of running tasks lives. */
export async function stateBackends(
  config: StateBackendConfig,
  runId: string,
  plan: JobPlan,
): Promise<KeyedStateBackendFactory> {
  if (config.type !== 'lmdb') return heapBackends
  const { lmdbBackends } = await import('./lmdb/lmdb-backend.ts')
  const directory = config.directory ?? join(tmpdir(), `millrace-${runId}`)
  const isTemporary = config.directory === undefined
  return lmdbBackends({ directory, isTemporary, cacheBytes: cacheBytesOf(plan) })
}

/** Each keyed operator of each subtask has rows of its own, and gets an equal share. */
function cacheBytesOf(plan: JobPlan): number {
  const sharers = plan.vertices.reduce(
    (sum, { operators, parallelism }) =>
      sum + parallelism * operators.filter(({ spec }) => stateSpecOf(spec) !== undefined).length,
    0,
  )
  const share = (getHeapStatistics().heap_size_limit * CACHE_SHARE) / Math.max(1, sharers)
  return Math.min(CACHE_BYTES_MAX, Math.max(CACHE_BYTES_MIN, Math.floor(share)))
}
