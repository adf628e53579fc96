import murmurhash from 'murmurhash'
import type { KeyGroup } from './ids.ts'
import { keyText } from './key-codec.ts'
import type { Key } from './keys.ts'

const encoder = new TextEncoder()
/** UTF-8 takes at most three bytes a UTF-16 unit: keys up to a third of this are hashed without allocating. */
const scratch = new Uint8Array(6 * 1024)

/** murmur3_x86_32 of the UTF-8 of the key's canonical text, unsigned. Part of the storage format. */
export function hashOfKey(key: Key): number {
  const text = keyText(key)
  if (text.length * 3 > scratch.length) return murmurhash.v3(encoder.encode(text), 0)
  const { written } = encoder.encodeInto(text, scratch)
  return murmurhash.v3(scratch.subarray(0, written), 0)
}

/** The key group that owns `key`: fixes where its state lives, so it never changes for a job with state. */
export function keyGroupOf(key: Key, maxParallelism: number): KeyGroup {
  return (hashOfKey(key) % maxParallelism) as KeyGroup
}
