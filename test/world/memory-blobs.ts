import { MemoryBlobStore } from '../../lib/embedded/memory-blob-store.ts'
import { BlobStoreError } from '../../lib/ports/blob-store.ts'
import type { BlobStore } from '../../lib/ports/blob-store.ts'
import type { AwsUnits } from './call-ledger.ts'
import { callerOf } from './caller.ts'
import type { Caller } from './caller.ts'
import { PlatformFault } from '../../lib/ports/platform-fault.ts'
import { perform } from './faults.ts'
import type { Operation } from './faults.ts'

/** Names in one answer to LIST. */
const LIST_NAMES_MAX = 1000

/**
 * A bucket: what was put can be read at once. A put whose answer was lost and that the client library repeats
 * ({@link Repeated}) tells `exists` of the caller's own bytes; a conflict with another put (409) is repeated likewise.
 */
export class MemoryBlobs {
  /** The bucket itself, without faults: for those who check what is in it, or damage it. */
  readonly store: BlobStore

  constructor(location: string = 'memory') {
    this.store = new MemoryBlobStore(location)
  }

  /** The port, as one process sees it. */
  client(given: Partial<Caller> = {}): BlobStore {
    const caller = callerOf(given)
    const { store } = this
    return {
      location: store.location,
      putIfAbsent: (name, bytes) =>
        request(
          caller,
          'put',
          name,
          () => ({ s3Puts: 1 }),
          () => store.putIfAbsent(name, bytes),
        ),
      get: (name) =>
        request(
          caller,
          'get',
          name,
          () => ({ s3Gets: 1 }),
          () => store.get(name),
        ),
      delete: (name) =>
        request(
          caller,
          'delete',
          name,
          () => ({}),
          () => store.delete(name),
        ),
      list: (prefix) =>
        request(
          caller,
          'list',
          prefix,
          (names) => ({ s3Puts: Math.max(1, Math.ceil(names.length / LIST_NAMES_MAX)) }),
          () => store.list(prefix),
        ),
    }
  }
}

/** `apply` has its effect when it is called, as all methods of a memory store have. */
async function request<T>(
  caller: Caller,
  name: string,
  subject: string,
  cost: (answer: T) => Partial<AwsUnits>,
  apply: () => Promise<T>,
): Promise<T> {
  const operation: Operation = { port: 'blobs', name, subject }
  try {
    return await perform(caller.faults, operation, async () => {
      const answer = await apply()
      caller.ledger.count(operation, cost(answer))
      return answer
    })
  } catch (error) {
    if (error instanceof PlatformFault) throw new BlobStoreError(error.message, { cause: error })
    throw error
  }
}
