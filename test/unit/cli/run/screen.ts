/** What a terminal shows after it was sent text: enough of one for what millrace writes. */
export class Screen {
  columns: number
  private lines: string[] = ['']
  private row = 0
  private column = 0

  constructor(columns: number) {
    this.columns = columns
  }

  write(text: string): void {
    // eslint-disable-next-line no-control-regex
    for (const [part, count, command] of text.matchAll(/\u001B\[(\d*)([AKJ])|[^\u001B]/gu)) {
      if (command === 'A') this.row = Math.max(0, this.row - Number(count || 1))
      else if (command === 'K') this.cut()
      else if (command === 'J') {
        this.cut()
        this.lines.length = this.row + 1
      } else this.put(part)
    }
  }

  /** Another width: lines that are too long wrap, as terminals do it; the cursor stays with its text. */
  resize(columns: number): void {
    const text = this.lines.map((line, index) => (index === this.row ? line.slice(0, this.column) : line))
    this.columns = columns
    this.lines = ['']
    this.row = this.column = 0
    this.write(text.join('\n'))
  }

  shown(): string[] {
    return this.lines.map((line) => line.trimEnd())
  }

  private put(char: string): void {
    if (char === '\n') this.toRow(this.row + 1)
    else if (char === '\r') this.column = 0
    else {
      if (this.column === this.columns) this.toRow(this.row + 1)
      const line = this.lines[this.row]!.padEnd(this.column)
      this.lines[this.row] = line.slice(0, this.column) + char + line.slice(this.column + 1)
      this.column++
    }
  }

  private toRow(row: number): void {
    this.row = row
    this.column = 0
    this.lines[row] ??= ''
  }

  private cut(): void {
    this.lines[this.row] = this.lines[this.row]!.slice(0, this.column)
  }
}
