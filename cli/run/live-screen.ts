import { LineBuffer } from './line-buffer.ts'
import { tap, type Tap } from './tap.ts'
import { TerminalDisplay } from './terminal-display.ts'

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

export interface StandardStreams {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

/**
 * What a job prints waits this long for more, so that the display is moved once for all of it: a job that prints all
 * the time must not make it flicker.
 */
const PRINT_EVERY_MS = 50

/** What waits is no more than this. */
const WAITING_CHARS_MAX = 1 << 20

/** Of a terminal that does not say, as some recorders of terminals do not. */
const DEFAULT_SIZE: ScreenSize = { columns: 80, rows: 24 }

/**
 * A terminal with a display at its bottom, on standard error. While it is open, what anybody writes to the terminal
 * appears above the display, in whole lines.
 */
export class LiveScreen {
  private readonly terminal: NodeJS.WriteStream
  private readonly render: (size: ScreenSize) => readonly string[]
  private readonly display: TerminalDisplay
  private readonly streams: readonly { readonly own: Tap; readonly buffer: LineBuffer }[]
  private waiting: { readonly target: Tap; readonly lines: string }[] = []
  private waitingChars = 0
  private printedAtMs = Number.NEGATIVE_INFINITY
  private printTimer: NodeJS.Timeout | undefined
  private closed = false

  /** @param render makes the display; nothing is drawn while it has no lines. */
  constructor(
    render: (size: ScreenSize) => readonly string[],
    { stdout, stderr }: StandardStreams = process,
  ) {
    this.render = render
    this.terminal = stderr
    // Where standard output goes elsewhere, writes to it do not touch the terminal.
    const shared = [stderr, ...(stdout.isTTY ? [stdout] : [])]
    this.streams = shared.map((stream) => this.share(stream))
    const { own } = this.streams[0]!
    const columns = (): number => this.size().columns
    this.display = new TerminalDisplay({
      get columns() {
        return columns()
      },
      write: (text) => own.write(text),
    })
    this.terminal.on('resize', this.draw)
    process.on('SIGCONT', this.resume)
  }

  readonly draw = (): void => {
    this.print()
    this.redraw()
  }

  /** Leaves the display as it is: others may write to the terminal now, and the next one is drawn below that. */
  release(): void {
    this.print()
    this.display.forget()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.terminal.off('resize', this.draw)
    process.off('SIGCONT', this.resume)
    for (const { own, buffer } of this.streams) {
      const rest = buffer.rest()
      if (rest !== '') this.waiting.push({ target: own, lines: `${rest}\n` })
    }
    this.release()
    for (const { own } of this.streams) own.release()
  }

  private share(stream: NodeJS.WriteStream): { readonly own: Tap; readonly buffer: LineBuffer } {
    const buffer = new LineBuffer()
    const own: Tap = tap(stream, (chunk, encoding) => {
      const bytes = typeof chunk === 'string' && encoding !== undefined ? Buffer.from(chunk, encoding) : chunk
      this.printAbove(own, buffer.add(bytes))
    })
    return { own, buffer }
  }

  private printAbove(target: Tap, lines: string): void {
    if (lines === '') return
    this.waiting.push({ target, lines })
    this.waitingChars += lines.length
    const dueInMs = this.printedAtMs + PRINT_EVERY_MS - performance.now()
    if (dueInMs <= 0 || this.waitingChars > WAITING_CHARS_MAX) this.print()
    else this.printTimer ??= setTimeout(this.print, dueInMs)
  }

  private readonly print = (): void => {
    clearTimeout(this.printTimer)
    this.printTimer = undefined
    if (this.waiting.length === 0) return
    this.display.erase()
    for (const { target, lines } of this.waiting) target.write(lines)
    this.waiting = []
    this.waitingChars = 0
    this.printedAtMs = performance.now()
    this.redraw()
  }

  private redraw(): void {
    const lines = this.render(this.size())
    if (lines.length > 0) this.display.draw(lines)
  }

  private size(): ScreenSize {
    const { columns, rows } = this.terminal
    return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows }
  }

  /** After a stop by Ctrl-Z the shell has written: what was drawn is no longer where it was. */
  private readonly resume = (): void => {
    this.display.forget()
    this.draw()
  }
}
