import { createHash } from 'node:crypto'

/** The first 160 bits of the SHA-256, hexadecimal: no two contents meet under one name. */
export function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 40)
}
