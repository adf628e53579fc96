import { basename } from 'node:path'
import type { FailureCause, JobEvent } from 'millrace'
import picocolors from 'picocolors'
import { number } from './number.ts'
import type { Screen } from './screen.ts'

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

const kilobytes = (bytes: number): string => `${number(Math.ceil(bytes / 1_000))} kB`

const { bold, cyan, dim, green, magenta, red, yellow } = picocolors

const BAR_WIDTH = 24

function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, share) * width)
  return '█'.repeat(filled) + dim('░'.repeat(width - filled))
}

/** Tells in plain English what the job does. */
export class Story {
  readonly #screen: Screen
  readonly #startedAtMs = Date.now()
  readonly #lines: number
  /** Lines read in this attempt, and in any. */
  #line = 0
  #lineMost = 0
  #barrierLine = 0

  constructor(screen: Screen, lines: number) {
    this.#screen = screen
    this.#lines = lines
  }

  title(text: string): void {
    this.#screen.line()
    this.#screen.line(bold(text))
    this.#screen.line()
  }

  say(text: string): void {
    this.#screen.line(`  ${text}`)
  }

  /** The source begins behind this many lines. */
  began(lines: number): void {
    this.#line = lines
  }

  read(line: number): void {
    this.#line = line
    this.#lineMost = Math.max(line, this.#lineMost)
  }

  /** One checkpoint is under way at a time: the next one to complete is that of the last barrier. */
  passed(line: number): void {
    this.#barrierLine = line
  }

  progress(): void {
    const share = this.#line / this.#lines
    const percent = `${Math.floor(share * 100)} %`.padStart(5)
    const place = `line ${number(this.#line)} of ${number(this.#lines)}`
    const again = this.#line < this.#lineMost ? yellow(' · for the second time') : ''
    this.#screen.status(`  ${bar(share, BAR_WIDTH)} ${percent} · ${place}${again}`)
  }

  event(event: JobEvent): void {
    switch (event.type) {
      case 'deployed':
        if (event.restoredFrom !== undefined) this.#restored(event.restoredFrom)
        else if (event.attempt === 1) this.#event(cyan('▶'), 'The job runs.')
        else this.#event(magenta('⟲'), 'No checkpoint was complete yet: it begins again at the first line.')
        return
      case 'status':
        if (event.to === 'FAILING' && event.cause !== undefined) this.#crashed(event.cause)
        return
      case 'restarting':
        this.#event(yellow('↻'), `The restart strategy starts it again in ${seconds(event.delayMs)}.`)
        return
      case 'checkpoint-completed': {
        const { durationMs, bytes, fullBytes } = event.figures
        const size = `${kilobytes(fullBytes)} of state, ${kilobytes(bytes)} new, ${Math.ceil(durationMs)} ms`
        const name = green(`Checkpoint ${event.checkpointId}`.padEnd(13))
        this.#event(green('✓'), `${name} at line ${number(this.#barrierLine).padStart(6)}: ${dim(size)}`)
        return
      }
      case 'checkpoint-failed':
        this.#event(yellow('!'), `Checkpoint ${event.checkpointId} was given up: ${event.message}`)
        return
      case 'warning':
        this.#event(yellow('!'), event.message)
        return
      case 'checkpoint-triggered':
      case 'listening':
    }
  }

  finished(): void {
    this.#screen.status('')
    this.#event(green('■'), 'The book is at its end, and the job has finished.')
  }

  #crashed({ message, operatorUid, position = '' }: FailureCause): void {
    this.#event(red('✗'), bold(red(`CRASH at line ${number(this.#line)}: ${message}`)))
    this.#more(`Thrown by the user's function '${operatorUid}' at ${basename(position)}.`)
    this.#more('The job is stopped. What it did since the last checkpoint is undone.')
  }

  #restored(from: string): void {
    const again = this.#lineMost - this.#line
    this.#event(
      magenta('⟲'),
      `${magenta(`Restored from ${basename(from)}`)}: all counts are as they were then.`,
    )
    this.#more(
      `Reading goes on at line ${number(this.#line + 1)}: ${number(again)} lines are read a second time,`,
    )
    this.#more('and count only once.')
  }

  #event(mark: string, text: string): void {
    this.#screen.line(`  ${dim(seconds(Date.now() - this.#startedAtMs).padStart(6))}  ${mark} ${text}`)
  }

  #more(text: string): void {
    this.#screen.line(`            ${text}`)
  }
}
