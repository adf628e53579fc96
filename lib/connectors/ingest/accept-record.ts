import { messageOf, UserError } from '../../model/faults.ts'
import type { IngestSpec } from '../../stream/ingest.ts'
import { ID_CHARS_MAX } from './record-group.ts'

export type Acceptance =
  /** `id`: what the record declares; undefined if its source declares none. */
  | { readonly type: 'accepted'; readonly id: string | undefined }
  | { readonly type: 'too-long'; readonly reason: string }
  | { readonly type: 'refused'; readonly reason: string }

/** Whether JSON text can be a record of a source. @throws UserError if the source itself is of no use. */
export function acceptRecord(text: string, spec: IngestSpec): Acceptance {
  const bytes = Buffer.byteLength(text)
  if (bytes > spec.recordBytesMax) {
    const reason = `expected a record of at most ${spec.recordBytesMax} bytes, got ${bytes}`
    return { type: 'too-long', reason }
  }
  try {
    const record = spec.accept(JSON.parse(text))
    const id = spec.recordId?.(record)
    const problem = spec.recordId === undefined ? undefined : idProblem(id)
    return problem === undefined ? { type: 'accepted', id } : { type: 'refused', reason: problem }
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    return { type: 'refused', reason: messageOf(cause) }
  }
}

function idProblem(id: unknown): string | undefined {
  if (typeof id === 'string' && id !== '' && id.length <= ID_CHARS_MAX) return undefined
  const found = typeof id === 'string' ? `${id.length} characters` : id === null ? 'null' : typeof id
  return `expected recordId to give a text of 1 to ${ID_CHARS_MAX} characters, got ${found}`
}
