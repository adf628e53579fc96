import { parseArgs, type ParseArgsConfig } from 'node:util'

import { EXIT } from '../cli/exit-codes.ts'
import { UserError } from '../lib/model/faults.ts'

interface Options {
  readonly [name: string]: NonNullable<ParseArgsConfig['options']>[string]
}

interface Accepted<O extends Options, P extends boolean> {
  /** Options beside `--help`, which all take. */
  readonly options: O
  readonly allowPositionals: P
}

type CommandLine<O extends Options, P extends boolean> = ReturnType<typeof parseArgs<Accepted<O, P>>> & {
  /** Ends the process: what was typed cannot be meant. */
  readonly refuse: (...problems: readonly string[]) => never
  /** What `read` makes of what was typed; its UserError is such a refusal. */
  readonly accept: <T>(read: () => T) => T
}

/**
 * What this process was called with. Where that cannot be understood, the process ends with exit code 2, says why and how it is
 * called; `--help` ends it with 0.
 */
export function commandLine<const O extends Options, P extends boolean = false>(
  usage: string,
  options: O,
  { allowPositionals = false as P }: { readonly allowPositionals?: P } = {},
): CommandLine<O, P> {
  const refuse = (...problems: readonly string[]): never => {
    process.stderr.write(`${problems.map((problem) => `error: ${problem}`).join('\n')}\n\n${usage}\n`)
    process.exit(EXIT.userMistake)
  }
  const accept = <T>(read: () => T): T => {
    try {
      return read()
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause
      return refuse(...cause.problems)
    }
  }
  if (process.argv.slice(2).some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(`${usage}\n`)
    process.exit(EXIT.finished)
  }
  try {
    const config: Accepted<O, P> = { options, allowPositionals }
    return { ...parseArgs(config), refuse, accept }
  } catch (cause) {
    if (cause instanceof Error && String((cause as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS'))
      return refuse(cause.message)
    throw cause
  }
}

/** The number that `text` is, if it is a whole one of at least `min`, and small enough to be exact. */
export function wholeNumber(text: string, min: number): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : undefined
  return number !== undefined && number >= min && Number.isSafeInteger(number) ? number : undefined
}
