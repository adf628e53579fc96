import { UserError } from '../lib/model/faults.ts'
import { BlobStoreError } from '../lib/ports/blob-store.ts'
import { VERSION } from './package.ts'
import { EXIT } from './exit-codes.ts'
import { colorsFor } from './text/colors.ts'

/** Whether the user can mend it. A job may have loaded another copy of Millrace, with a class of its own. */
export function isUserError(cause: unknown): cause is UserError {
  return (
    cause instanceof UserError ||
    (cause instanceof Error && cause.name === 'UserError' && 'problems' in cause)
  )
}

/**
 * What the user has to mend, if that is what `cause` tells; undefined if it is a defect. A directory that cannot be
 * read or written is theirs to mend as well.
 */
export function problemsOf(cause: unknown): readonly string[] | undefined {
  if (isUserError(cause)) return cause.problems
  return cause instanceof BlobStoreError ? [cause.message] : undefined
}

/** What a command threw, on standard error; returns the exit code. */
export function reportError(cause: unknown): number {
  const problems = problemsOf(cause)
  if (problems !== undefined) {
    reportProblems(problems)
    return EXIT.userMistake
  }
  reportInternalError(cause)
  return EXIT.internalError
}

function reportProblems(problems: readonly string[]): void {
  const { red } = colorsFor(process.stderr, process.env)
  for (const problem of problems) process.stderr.write(`${red('error:')} ${problem}\n`)
}

function reportInternalError(cause: unknown): void {
  const { red } = colorsFor(process.stderr, process.env)
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  process.stderr.write(
    [
      `${red('internal error:')} ${stack}`,
      '',
      'This should not happen. If the stack leads to your own code, handle the error there;',
      'otherwise please report it, with the text above and what you ran:',
      `  Millrace ${VERSION}, Node ${process.version}, ${process.platform} ${process.arch}`,
      '',
    ].join('\n'),
  )
}
