import type { JobEvent, JobMetrics } from '../../lib/embedded/job-handle.ts'
import type { StopSignal } from '../exit-codes.ts'
import { colorsFor, type Colors } from '../text/colors.ts'
import { oneLine } from '../text/width.ts'
import { finalLines, stoppedAtOnceLines } from './final-lines.ts'
import type { JobView } from './job-observer.ts'
import { LineBuffer } from './line-buffer.ts'
import { renderFrame } from './live-frame.ts'
import { STOPPING_NOTICE, type RunReporter, type StartedJob } from './reporter.ts'
import type { RunSummary } from './summary.ts'
import { tap, type Tap } from './tap.ts'
import { TerminalDisplay } from './terminal-display.ts'

/** Between a job's print and the redrawn display: a job that prints all the time must not make it flicker. */
const REDRAW_AFTER_MS = 50

/** Of a terminal that does not say, as some recorders of terminals do not. */
const DEFAULT_SIZE = { columns: 80, rows: 24 }

/**
 * A display on the terminal of standard error, redrawn in place. What the job prints appears above it, in whole
 * lines.
 */
export class LiveReporter implements RunReporter {
  readonly updateEveryMs = 200
  private readonly terminal: NodeJS.WriteStream = process.stderr
  private readonly colors: Colors = colorsFor(process.stderr, process.env)
  private readonly display: TerminalDisplay
  private readonly taps: readonly { readonly own: Tap; readonly buffer: LineBuffer }[]
  private readonly own: Tap
  private view: JobView | undefined
  private notice: string | undefined
  private redraw: NodeJS.Timeout | undefined
  private closed = false

  constructor() {
    // Where standard output goes elsewhere, writes to it do not touch the terminal.
    const streams = [this.terminal, ...(process.stdout.isTTY ? [process.stdout] : [])]
    this.taps = streams.map((stream) => {
      const buffer = new LineBuffer()
      const made: Tap = tap(stream, (chunk, encoding) => {
        const bytes =
          typeof chunk === 'string' && encoding !== undefined ? Buffer.from(chunk, encoding) : chunk
        this.printAbove(made, buffer.add(bytes))
      })
      return { own: made, buffer }
    })
    this.own = this.taps[0]!.own
    const { terminal, own } = this
    this.display = new TerminalDisplay({
      get columns() {
        return terminal.columns || DEFAULT_SIZE.columns
      },
      write: (text) => own.write(text),
    })
    terminal.on('resize', this.draw)
    process.on('SIGCONT', this.resumed)
  }

  started(_job: StartedJob): void {}

  event(event: JobEvent, view: JobView): void {
    if (event.type === 'warning') {
      this.printAbove(this.own, `${this.colors.yellow(`warning: ${oneLine(event.message)}`)}\n`)
    }
    this.view = view
  }

  update(view: JobView, _metrics: JobMetrics): void {
    this.view = view
    this.draw()
  }

  stopping(_signal: StopSignal): void {
    this.notice = STOPPING_NOTICE
    this.draw()
  }

  finished(summary: RunSummary, _exitCode: number): void {
    this.notice = undefined
    this.draw()
    this.close()
    this.terminal.write(finalLines(summary, this.colors).join('\n') + '\n')
  }

  failed(_cause: unknown): void {}

  stoppedAtOnce(_signal: StopSignal, resume: string | undefined): void {
    this.close()
    this.terminal.write(stoppedAtOnceLines(resume).join('\n') + '\n')
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.redraw)
    this.terminal.off('resize', this.draw)
    process.off('SIGCONT', this.resumed)
    for (const { own, buffer } of this.taps) {
      const rest = buffer.rest()
      if (rest !== '') this.printAbove(own, `${rest}\n`)
      own.release()
    }
    this.display.forget()
  }

  private printAbove(target: Tap, lines: string): void {
    if (lines === '') return
    this.display.erase()
    target.write(lines)
    if (!this.closed) this.redraw ??= setTimeout(this.draw, REDRAW_AFTER_MS)
  }

  private readonly draw = (): void => {
    clearTimeout(this.redraw)
    this.redraw = undefined
    if (this.closed || this.view === undefined) return
    const { colors, notice, terminal } = this
    const size = {
      columns: terminal.columns || DEFAULT_SIZE.columns,
      rows: terminal.rows || DEFAULT_SIZE.rows,
    }
    this.display.draw(renderFrame(this.view, { ...size, nowMs: Date.now(), colors, notice }))
  }

  /** The shell has written since: what was drawn is no longer where it was. */
  private readonly resumed = (): void => {
    this.display.forget()
    this.draw()
  }
}
