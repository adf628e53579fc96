#!/usr/bin/env node
import { CommanderError } from 'commander'

import { reportError } from './errors.ts'
import { EXIT } from './exit-codes.ts'
import { exitProcess, flushOutput } from './exit.ts'
import { createProgram } from './program.ts'
import { quietWarnings } from './warnings.ts'

quietWarnings()
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `millrace … | head`: nobody reads on, and nobody is left to tell.
    if (error.code === 'EPIPE') process.exit(EXIT.brokenPipe)
    else endWithError(error)
  })
}
process.on('uncaughtException', endWithError)
process.on('unhandledRejection', endWithError)

let exitCode: number = EXIT.finished
try {
  await createProgram((code) => {
    exitCode = code
  }).parseAsync()
} catch (cause) {
  exitCode = cause instanceof CommanderError ? exitCodeOfParser(cause) : reportError(cause)
}
await flushOutput()
// A job's modules may have left timers and connections open: they must not keep the process.
exitProcess(exitCode)

function endWithError(cause: unknown): void {
  try {
    reportError(cause)
  } finally {
    exitProcess(EXIT.internalError)
  }
}

/** The parser has said what is wrong. Asked for help or the version, it ends by an error that is none. */
function exitCodeOfParser({ exitCode: code }: CommanderError): number {
  return code === 0 ? EXIT.finished : EXIT.userMistake
}
