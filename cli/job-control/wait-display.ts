import { TerminalDisplay } from '../run/terminal-display.ts'
import { failureLine } from '../text/failure.ts'
import { formatElapsed } from '../text/figures.ts'
import { truncate } from '../text/width.ts'
import type { AskProgress } from './ask-job.ts'
import { progressLine, type Asked } from './ask-outcome.ts'
import type { JobWorld } from './job-world.ts'

/** Shows that and why something is waited for: in place on a terminal, elsewhere a line for each change. On standard error. */
export class WaitDisplay {
  readonly #world: JobWorld
  readonly #asked: Asked
  readonly #now: () => number
  readonly #terminal: TerminalDisplay | undefined
  #last: string | undefined

  constructor(world: JobWorld, asked: Asked, now: () => number) {
    this.#world = world
    this.#asked = asked
    this.#now = now
    const { stderr, env } = world
    this.#terminal =
      stderr.isTTY === true && env['TERM'] !== 'dumb'
        ? new TerminalDisplay({ columns: this.#columns(), write: (text) => void stderr.write(text) })
        : undefined
  }

  show(progress: AskProgress): void {
    const cause = progress.record?.cause
    const lines = [
      progressLine(this.#asked, progress),
      ...(cause === undefined ? [] : [`last failure: ${failureLine(cause)}`]),
    ]
    if (this.#terminal !== undefined) {
      const [first = '', ...others] = lines
      const since = formatElapsed(this.#now() - progress.askedAtMs)
      const shown = [`${first} (${since})`, ...others].map((line) => truncate(line, this.#columns() - 1))
      return this.#terminal.draw(shown)
    }
    const text = lines.join('\n')
    if (text !== this.#last) this.#world.stderr.write(`${text}\n`)
    this.#last = text
  }

  close(): void {
    this.#terminal?.erase()
  }

  #columns(): number {
    return this.#world.stderr.columns ?? 80
  }
}
