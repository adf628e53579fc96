import { KEY_TEXT_CHARS_MAX } from '../../ports/row-store.ts'

const SHOWN_CHARS = 60

/** What the user is told of a key whose text does not fit a row of the store. */
export function keyTooLong(operatorUid: string, text: string): string {
  return (
    `Operator '${operatorUid}': expected a key of at most ${KEY_TEXT_CHARS_MAX} characters as JSON, got one of ${text.length}: ` +
    `${text.slice(0, SHOWN_CHARS)}… Key by a part of it, or by a hash`
  )
}
