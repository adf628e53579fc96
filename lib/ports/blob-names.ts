import { assert } from '../model/faults.ts'

/** What starts the name of a file that is still being written; no blob may be called so. */
export const TEMPORARY_PREFIX = '.tmp-'

const SEGMENT = /^[^/\\\0]+$/

/** A blob's name must stay below the root of its store, and must not be mistaken for a temporary file. */
export function assertBlobName(name: string): void {
  for (const segment of name.split('/')) {
    const valid =
      SEGMENT.test(segment) && segment !== '.' && segment !== '..' && !segment.startsWith(TEMPORARY_PREFIX)
    assert(valid, `a blob's name is a relative path without . and .., got ${JSON.stringify(name)}`)
  }
}
