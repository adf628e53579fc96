import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { lmdbBackends } from '../../lib/embedded/lmdb/lmdb-backend.ts'
import { stateBackendContract } from './state-backend.contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-lmdb-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

stateBackendContract('lmdb', lmdbBackends({ directory }))
// So small a cache that no row but the current one stays in memory: everything goes to disk and back.
stateBackendContract('lmdb without room', lmdbBackends({ directory, cacheBytes: 1 }))
