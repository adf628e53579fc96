import { shellCommand } from '../text/shell.ts'

/**
 * The command that goes on where this one stopped: the same, from the newest checkpoint; or just the same, if it took
 * none but did begin from one. Undefined if there is nothing to go on from.
 */
export function resumeCommand(
  args: readonly string[],
  hasCheckpoint: boolean,
  env: NodeJS.ProcessEnv,
): string | undefined {
  const program = env['npm_command'] === 'exec' ? ['npx', 'millrace'] : ['millrace']
  if (hasCheckpoint) return shellCommand([...program, ...withoutFrom(args), '--from', 'latest'])
  return withoutFrom(args).length < args.length ? shellCommand([...program, ...args]) : undefined
}

function withoutFrom(args: readonly string[]): readonly string[] {
  return args.filter(
    (arg, index) => arg !== '--from' && !arg.startsWith('--from=') && args[index - 1] !== '--from',
  )
}
