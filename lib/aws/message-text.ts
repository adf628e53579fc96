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

/** Any text gives something; what is no message of ours is found out by who decodes the bytes. */
export function decodeMessageText(text: string): MessageText {
  const dot = text.indexOf('.')
  return dot < 0
    ? { body: Buffer.from(text, 'base64'), reason: undefined }
    : {
        body: Buffer.from(text.slice(0, dot), 'base64'),
        reason: Buffer.from(text.slice(dot + 1), 'base64').toString(),
      }
}
