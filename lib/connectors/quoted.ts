/** Enough to tell what something is, not enough to fill a log. */
const SHOWN_CHARS = 200

/** The start of text from elsewhere, for a message: on one line, its control characters escaped. */
export function quoted(text: string): string {
  const start = JSON.stringify(text.slice(0, SHOWN_CHARS))
  return text.length <= SHOWN_CHARS ? start : `${start} …`
}

/** The start of text that is fit for a message. */
export function shortened(text: string): string {
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)} …`
}
