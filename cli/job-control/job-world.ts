import { EXIT_OF_SIGNAL, type StopSignal } from '../exit-codes.ts'
import type { OpenJob } from './aws-job.ts'
import type { JobResources } from './job-resources.ts'

export interface TextStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** What the commands on a deployed job have of the process and of AWS. */
export interface JobWorld {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly stdout: TextStream
  readonly stderr: TextStream
  readonly open: (resources: JobResources) => Promise<OpenJob>
  /** Calls `listener` at each signal that ends the process, until what it returns is called. */
  readonly listen: (listener: (signal: StopSignal) => void) => () => void
}

export function processWorld(): JobWorld {
  const { env } = process
  return {
    env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    async open(resources) {
      // What the SDK will need of Node one day is no news about a job.
      env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
      return (await import('./aws-job.ts')).awsJob(resources, env)
    },
    listen(listener) {
      const signals = Object.keys(EXIT_OF_SIGNAL) as StopSignal[]
      for (const signal of signals) process.on(signal, listener)
      return () => {
        for (const signal of signals) process.off(signal, listener)
      }
    },
  }
}
