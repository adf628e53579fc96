import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('../../..', import.meta.url))

/** What Node is given to run the source. */
export const FROM_SOURCE: readonly string[] = [
  '--conditions=millrace-source',
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../../../cli/main.ts', import.meta.url)),
]

/** Of the test's own process; a test says itself if it wants them. */
const NOT_INHERITED = ['NO_COLOR', 'FORCE_COLOR', 'NODE_OPTIONS', 'npm_command']

const NUMBER_OF_SIGNAL: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGINT: 2,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
}

export interface Ended {
  /** As shells see it: 128 and its number for a signal. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface MillraceOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What comes before the arguments. Default: Node, and the command line from source. */
  readonly command?: readonly string[]
}

/** `millrace` with these arguments, in a process of its own. */
export class Millrace {
  readonly ended: Promise<Ended>
  readonly process: ChildProcessWithoutNullStreams
  private readonly text = { stdout: '', stderr: '' }
  private over = false
  /** Called whenever there is something new. */
  private readonly watchers = new Set<() => void>()

  constructor(args: readonly string[], options: MillraceOptions = {}) {
    const { cwd = ROOT, env = {}, command = [process.execPath, ...FROM_SOURCE] } = options
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.includes(name))
    const [program = '', ...before] = command
    this.process = spawn(program, [...before, ...args], {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
    })
    for (const name of ['stdout', 'stderr'] as const) {
      this.process[name].setEncoding('utf8').on('data', (chunk: string) => {
        this.text[name] += chunk
        this.tell()
      })
    }
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.over = true
        resolve({ ...this.text, code: code ?? 128 + (NUMBER_OF_SIGNAL[signal!] ?? 0) })
        this.tell()
      })
    })
  }

  /** Resolves when the stream has said `text`; rejects if the process ends without having done so. */
  says(stream: 'stdout' | 'stderr', text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.text[stream].includes(text)) resolve()
        else if (this.over) reject(new Error(`Expected '${text}' on ${stream}, got:\n${this.text[stream]}`))
        else return
        this.watchers.delete(look)
      }
      this.watchers.add(look)
      look()
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }
}

export function millrace(args: readonly string[], options?: MillraceOptions): Promise<Ended> {
  return new Millrace(args, options).ended
}
