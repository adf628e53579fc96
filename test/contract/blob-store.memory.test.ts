import { MemoryBlobStore } from '../../lib/embedded/memory-blob-store.ts'
import { blobStoreContract } from './blob-store.ts'

blobStoreContract('MemoryBlobStore', () => Promise.resolve(new MemoryBlobStore()))
