import { sha256 } from '../../node/sha256.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { PlatformFault } from '../../ports/platform-fault.ts'
import { ObjectGone } from './behaviour.ts'

/** Puts packed bytes under a name that holds their hash: no late writer can change what is there. */
export async function storeNamed(blobs: BlobStore, prefix: string, packed: Uint8Array): Promise<string> {
  const name = `${prefix}-${sha256(packed)}`
  await blobs.putIfAbsent(name, packed)
  return name
}

/** What {@link storeNamed} put. @throws ObjectGone if it is gone; PlatformFault, one that lasts, if it was altered. */
export async function loadNamed(blobs: BlobStore, name: string): Promise<Uint8Array> {
  const bytes = await blobs.get(name)
  if (bytes === undefined) throw new ObjectGone(`${blobs.location}/${name}`)
  const expected = name.slice(name.lastIndexOf('-') + 1)
  const found = sha256(bytes)
  if (found !== expected) {
    throw new PlatformFault(
      `${blobs.location}/${name}: expected content with SHA-256 ${expected}, got ${found}: it was altered`,
      { passes: false },
    )
  }
  return bytes
}
