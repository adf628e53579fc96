import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a module of this folder's parent in a process of its own; resolves to the one message that it sends. */
export function runChild<T>(
  module: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<T> {
  return new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL(`../${module}.js`, import.meta.url))
    const child = fork(path, args, { execArgv: ['--expose-gc', ...nodeOptions] })
    let answer: { readonly message: T } | undefined
    child.on('message', (message) => (answer = { message: message as T }))
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (answer !== undefined && code === 0) resolve(answer.message)
      else reject(new Error(`${module} ${args[0]} ended with ${signal ?? code}`))
    })
  })
}
