import type { JobEvent } from '../../lib/embedded/job-handle.ts'
import type { StopSignal } from '../exit-codes.ts'
import { colorsFor, type Colors } from '../text/colors.ts'
import { oneLine } from '../text/width.ts'
import { finalLines, stoppedAtOnceLines } from './final-lines.ts'
import type { JobView } from './job-observer.ts'
import { renderFrame } from './live-frame.ts'
import { LiveScreen } from './live-screen.ts'
import { STOPPING_NOTICE, type RunReporter } from './reporter.ts'
import type { RunSummary } from './summary.ts'

/** A display at the bottom of the terminal, redrawn in place; what the job prints appears above it. */
export class LiveReporter implements RunReporter {
  readonly updateEveryMs = 200
  private readonly colors: Colors = colorsFor(process.stderr, process.env)
  private readonly screen: LiveScreen
  private view: JobView | undefined
  private notice: string | undefined

  constructor() {
    this.screen = new LiveScreen((size) => {
      const { view, notice, colors } = this
      return view === undefined ? [] : renderFrame(view, { ...size, nowMs: Date.now(), colors, notice })
    })
  }

  started(): void {}

  event(event: JobEvent, view: JobView): void {
    this.view = view
    if (event.type === 'listening') this.say([`${event.operatorUid} listens on ${event.url}`])
    if (event.type !== 'warning') return
    this.say([this.colors.yellow(`warning: ${oneLine(event.message)}`)])
  }

  update(view: JobView): void {
    this.view = view
    this.screen.draw()
  }

  stopping(_signal: StopSignal): void {
    this.notice = STOPPING_NOTICE
    if (this.view === undefined) this.say([STOPPING_NOTICE])
    else this.screen.draw()
  }

  finished(summary: RunSummary): void {
    this.notice = undefined
    this.screen.draw()
    this.close()
    this.say(['', ...finalLines(summary, this.colors)])
  }

  failed(): void {}

  stoppedAtOnce(_signal: StopSignal, resume: string | undefined): void {
    this.close()
    this.say(stoppedAtOnceLines(resume))
  }

  hanging(): void {
    this.screen.release()
  }

  close(): void {
    this.screen.close()
  }

  /** Above the display, while there is one. */
  private say(lines: readonly string[]): void {
    process.stderr.write(`${lines.join('\n')}\n`)
  }
}
