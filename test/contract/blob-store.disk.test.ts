import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { DiskBlobStore } from '../../lib/embedded/disk-blob-store.ts'
import { nodeFiles } from '../../lib/embedded/disk-files.ts'
import { blobStoreContract } from './blob-store.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-blobs-'))
let count = 0

afterAll(() => rmSync(directory, { recursive: true }))

blobStoreContract('DiskBlobStore', () => DiskBlobStore.open(join(directory, `store-${count++}`)))

const withoutLinks = {
  ...nodeFiles,
  link: () => Promise.reject(Object.assign(new Error('operation not permitted'), { code: 'EPERM' })),
}

blobStoreContract('DiskBlobStore on a file system without hard links', () =>
  DiskBlobStore.open(join(directory, `store-${count++}`), withoutLinks),
)
