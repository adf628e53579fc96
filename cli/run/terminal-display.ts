import { widthOf } from '../text/width.ts'

export interface Terminal {
  readonly columns: number
  write(text: string): void
}

const ESC = '\u001B['
const ERASE_LINE_END = `${ESC}K`
const ERASE_BELOW = `${ESC}J`

/**
 * Lines that are redrawn in place at the bottom of a terminal. The cursor rests at the start of the row below them and
 * stays visible, so that a process that is killed leaves nothing to repair.
 */
export class TerminalDisplay {
  private readonly terminal: Terminal
  private lines: readonly string[] = []

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${ERASE_LINE_END}\n`).join('')
    this.terminal.write(this.toTop() + text + ERASE_BELOW)
    this.lines = lines
  }

  /** Makes room for what others write. */
  erase(): void {
    if (this.lines.length === 0) return
    this.terminal.write(this.toTop() + ERASE_BELOW)
    this.lines = []
  }

  /** Leaves what is drawn where it is; the next draw begins below the cursor. */
  forget(): void {
    this.lines = []
  }

  /** A terminal that became narrower since has wrapped lines. */
  private toTop(): string {
    const columns = Math.max(1, this.terminal.columns)
    const height = this.lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0)
    return height === 0 ? '\r' : `\r${ESC}${height}A`
  }
}
