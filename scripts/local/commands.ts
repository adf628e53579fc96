import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { UserError } from '../../lib/model/faults.ts'

export const projectRoot: string = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a command with this terminal; rejects unless it ends well. */
export async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, { cwd: projectRoot, env, stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new UserError(`${command} ${args.join(' ')}: ended with ${code ?? 'a signal'}`)
}

/** The CDK's command, as installed here. */
export function cdk(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return run(
    process.execPath,
    [fileURLToPath(new URL('../../node_modules/aws-cdk/bin/cdk', import.meta.url)), ...args],
    env,
  )
}

/** @throws UserError if there is no Docker, or it does not answer. */
export function expectDocker(): void {
  const { error, status, stderr } = spawnSync('docker', ['info'], { encoding: 'utf8' })
  const otherwise =
    'Or use an emulator that needs none: start it, and set AWS_ENDPOINT_URL to its address (docs/guide/deploy.md)'
  if (error !== undefined) {
    throw new UserError(
      `Expected Docker, which LocalStack runs in; found no command docker (${error.message}). ${otherwise}`,
    )
  }
  if (status !== 0) {
    const said = stderr.trim().split('\n').at(-1) ?? ''
    throw new UserError(
      `Expected Docker to be running, as LocalStack needs it; it says: ${said}. ${otherwise}`,
    )
  }
}

/** Runs a script: what its user can mend is told without a stack. */
export async function script(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause
    process.stderr.write(`${cause.message}\n`)
    process.exitCode = 1
  }
}
