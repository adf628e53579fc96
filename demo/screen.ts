import type { WriteStream } from 'node:tty'

const ERASE_LINE = '\r\u001B[2K'
const HIDE_CURSOR = '\u001B[?25l'
const SHOW_CURSOR = '\u001B[?25h'

/** Lines of a story; on a terminal, with one line below them that changes. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #live: boolean
  #status = ''

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#live = (out as Partial<WriteStream>).isTTY === true && process.env['TERM'] !== 'dumb'
    if (!this.#live) return
    out.write(HIDE_CURSOR)
    process.once('exit', () => out.write(SHOW_CURSOR))
    process.once('SIGINT', () => process.exit(130))
  }

  line(text = ''): void {
    this.#out.write(this.#live ? `${ERASE_LINE}${text}\n${this.#status}` : `${text}\n`)
  }

  /** Shows `text` below the story, if there is a terminal; it should fit in one line. */
  status(text: string): void {
    this.#status = text
    if (this.#live) this.#out.write(`${ERASE_LINE}${text}`)
  }
}
