import type { InFlightElement, InFlightRun } from '../checkpoint/in-flight-elements.ts'

/** What was under way to a task at the checkpoint that its attempt began from: it takes that before anything else. */
export class Replay {
  private readonly runs: InFlightRun[]

  constructor(runs: readonly InFlightRun[]) {
    this.runs = runs.filter(({ elements }) => elements.length > 0)
  }

  get isDone(): boolean {
    return this.runs.length === 0
  }

  take(): { readonly run: InFlightRun; readonly element: InFlightElement } | undefined {
    const run = this.runs[0]
    if (run === undefined) return undefined
    const [element, ...elements] = run.elements
    if (elements.length === 0) this.runs.shift()
    else this.runs[0] = { ...run, elements }
    return { run, element: element! }
  }

  /** What has not been taken. */
  get left(): readonly InFlightRun[] {
    return [...this.runs]
  }
}
