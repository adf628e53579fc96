/**
 * What a message of SQS holds: bytes as base64; of one that its receiver refused, the reason as well, after a dot. In the
 * body, since emulators do not deliver every attribute.
 */
export interface MessageText {
  readonly body: Uint8Array
  /** Why its receiver refused it; undefined where nobody did. */
  readonly reason: string | undefined
}

export function encodeMessageText(body: Uint8Array, reason?: string): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
  return reason === undefined ? text : `${text}.${Buffer.from(reason).toString('base64')}`
}

/**
 * Any text gives something: one that {@link encodeMessageText} did not make, its own bytes in UTF-8. What is no message of
 * ours is found out by who decodes the bytes; read as base64, it would be lost.
 */
export function decodeMessageText(text: string): MessageText {
  const dot = text.indexOf('.')
  const body = Buffer.from(dot < 0 ? text : text.slice(0, dot), 'base64')
  const reason = dot < 0 ? undefined : Buffer.from(text.slice(dot + 1), 'base64').toString()
  return encodeMessageText(body, reason) === text
    ? { body, reason }
    : { body: Buffer.from(text), reason: undefined }
}

/** Of a message in a mailbox, where nothing is that was refused. */
export function bodyOfMessageText(text: string): Uint8Array {
  const { body, reason } = decodeMessageText(text)
  return reason === undefined ? body : Buffer.from(text)
}
