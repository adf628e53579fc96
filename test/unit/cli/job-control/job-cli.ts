import { Writable } from 'node:stream'

import { Command } from 'commander'

import { jobCommand } from '../../../../cli/commands/job.ts'
import type { OpenJob } from '../../../../cli/job-control/aws-job.ts'
import type { JobResources } from '../../../../cli/job-control/job-resources.ts'
import type { TextStream } from '../../../../cli/job-control/job-world.ts'
import type { StopSignal } from '../../../../cli/exit-codes.ts'
import { UserError } from '../../../../lib/model/faults.ts'
import type { Mailbox } from '../../../../lib/ports/mailbox.ts'
import type { TurnLog } from '../../../../lib/ports/turn-log.ts'
import type { ManualClock } from '../../../../lib/testing/manual-clock.ts'

export interface Said {
  /** Undefined: the command threw, and main.ts would say so. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly problems: readonly string[]
}

export interface JobCliOptions {
  readonly clock: ManualClock
  readonly mailbox: Mailbox
  readonly log: TurnLog
  /** Lets so much time pass, and the job do what it does meanwhile. */
  readonly pause: (ms: number) => Promise<void>
  readonly terminal?: boolean
}

/** `millrace job …`, in this process, on ports that are given. */
export class JobCli {
  readonly opened: JobResources[] = []
  closed = 0
  readonly #options: JobCliOptions
  #requests = 0
  #onSignal: ((signal: StopSignal) => void) | undefined

  constructor(options: JobCliOptions) {
    this.#options = options
  }

  /** As Ctrl-C does; nothing if no command listens. */
  signal(signal: StopSignal): void {
    this.#onSignal?.(signal)
  }

  get isListening(): boolean {
    return this.#onSignal !== undefined
  }

  /** The job is named as flags would. */
  run(...args: readonly string[]): Promise<Said> {
    const [command = '', ...rest] = args
    return this.runAs([command, '--table', 'my-table', '--coordinator-queue', 'my-queue', ...rest])
  }

  async runAs(args: readonly string[], cwd = '/nowhere', env: NodeJS.ProcessEnv = {}): Promise<Said> {
    const { terminal = false } = this.#options
    const stdout = textStream(false)
    const stderr = textStream(terminal)
    let code: number | undefined
    let problems: readonly string[] = []
    const program = new Command('millrace').exitOverride()
    const job = jobCommand(
      (given) => {
        code = given
      },
      {
        env,
        cwd,
        stdout: stdout.stream,
        stderr: stderr.stream,
        open: (resources) => Promise.resolve(this.#open(resources)),
        listen: (listener) => {
          this.#onSignal = listener
          return () => {
            this.#onSignal = undefined
          }
        },
      },
    )
    program.addCommand(job)
    try {
      await program.parseAsync(['job', ...args], { from: 'user' })
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause
      problems = cause.problems
    }
    return { code, stdout: stdout.text(), stderr: stderr.text(), problems }
  }

  #open(resources: JobResources): OpenJob {
    const { clock, mailbox, log, pause } = this.#options
    this.opened.push(resources)
    return {
      mailbox,
      log,
      now: () => clock.now(),
      pause,
      newRequestId: () => `request-${++this.#requests}`,
      close: () => {
        this.closed++
      },
    }
  }
}

function textStream(isTTY: boolean): { readonly stream: TextStream; readonly text: () => string } {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return { stream: Object.assign(stream, { isTTY, columns: 100, hasColors: () => false }), text: () => text }
}
