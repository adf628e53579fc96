import type { BlobStore } from '../../ports/blob-store.ts'
import { PlatformFault } from '../../ports/platform-fault.ts'
import { LOG_LIMITS } from './limits.ts'
import { loadNamed, storeNamed } from './named-blob.ts'

/*
 * The body of a log entry or a head: its first byte tells where the packed content is, and of which version. Content that this
 * version could not read takes first bytes of its own.
 */
const INLINE = 0
const IN_BLOB = 1

/** What a body was read from. */
export interface Stored {
  readonly packed: Uint8Array
  /** The object that holds it, if one does. */
  readonly blob: string | undefined
}

export function inlineBody(packed: Uint8Array): Uint8Array {
  return marked(INLINE, packed)
}

/** The content as it is where it is small, in an object whose name begins with `prefix` where it is not. */
export async function storeBody(blobs: BlobStore, prefix: string, packed: Uint8Array): Promise<Uint8Array> {
  if (packed.length <= LOG_LIMITS.inlineBytes) return inlineBody(packed)
  return marked(IN_BLOB, new TextEncoder().encode(await storeNamed(blobs, prefix, packed)))
}

/** @throws as {@link blobOf} and {@link loadNamed}. */
export async function loadBody(blobs: BlobStore, body: Uint8Array): Promise<Stored> {
  const blob = blobOf(body)
  return { packed: blob === undefined ? body.subarray(1) : await loadNamed(blobs, blob), blob }
}

/** The object that holds the content, if one does. @throws PlatformFault if the body is of another version: the newer code can read it. */
export function blobOf(body: Uint8Array): string | undefined {
  const [version] = body
  if (version === INLINE) return undefined
  if (version === IN_BLOB) return new TextDecoder().decode(body.subarray(1))
  throw new PlatformFault(
    `a log entry or head begins with ${version}, and this function reads ${INLINE} and ${IN_BLOB}: it was written by newer ` +
      'code. Deploy the newer code again',
  )
}

/** Whether this version can: see {@link blobOf}. */
export function isReadable([version]: Uint8Array): boolean {
  return version === INLINE || version === IN_BLOB
}

function marked(version: number, content: Uint8Array): Uint8Array {
  const body = new Uint8Array(content.length + 1)
  body[0] = version
  body.set(content, 1)
  return body
}
