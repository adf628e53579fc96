import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { messageOf, UserError } from '../../lib/model/faults.ts'
import { isUserError } from '../errors.ts'
import { shortPath, userLocation, userStack } from '../text/stack.ts'

/** What went wrong when the module at `path` was imported, as its user sees it: where, what, and no stack but theirs. */
export function explainLoadFailure(cause: unknown, path: string): UserError {
  const file = shortPath(path)
  if (isUserError(cause)) return atItsPlace(cause, file)
  if (!(cause instanceof Error))
    return new UserError(`${file}: threw ${messageOf(cause)} while it was loaded`)
  if (isTransformError(cause)) return new UserError(syntaxProblems(cause), { cause })
  const missing = missingModule(cause, file)
  if (missing !== undefined) return new UserError(missing, { cause })
  if (cause instanceof SyntaxError) {
    // An import of what is not exported is a SyntaxError to V8 as well, and says so itself.
    const kind = cause.message.startsWith('The requested module') ? '' : 'syntax error: '
    return new UserError(`${syntaxErrorPlace(cause, path) ?? file}: ${kind}${cause.message}`, { cause })
  }
  return new UserError(`${file}: threw while it was loaded:\n${indent(userStack(stackOf(cause)))}`, { cause })
}

/** What the job's function threw while it built the graph. */
export function explainBuildFailure(cause: unknown, jobName: string): UserError {
  if (isUserError(cause)) return atItsPlace(cause, jobName)
  const stack = cause instanceof Error ? indent(userStack(stackOf(cause))) : `  ${messageOf(cause)}`
  return new UserError(`${jobName}: its function threw while it built the graph:\n${stack}`, { cause })
}

/** A mistake that Millrace saw says what, and its stack says where in the user's code. */
function atItsPlace(error: UserError, otherwise: string): UserError {
  const place = userLocation(stackOf(error)) ?? otherwise
  return new UserError(
    error.problems.map((problem) => `${place}: ${problem}`),
    { cause: error },
  )
}

/** esbuild's, when it cannot parse TypeScript; another thread made it, so its class is not to be had here. */
function isTransformError(error: Error): boolean {
  return error.message.startsWith('Transform failed with')
}

function syntaxProblems({ message }: Error): string[] {
  const places = message
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
  return places.map((line) => {
    const [, file, place, problem] = /^(.*?):(\d+:\d+): (?:ERROR: )?(.*)$/.exec(line) ?? []
    return file === undefined ? line : `${shortPath(file)}:${place}: syntax error: ${problem}`
  })
}

function missingModule(error: Error, file: string): string | undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') {
    // Every other failure to resolve an import is told in one line as well.
    return code?.startsWith('ERR_') === true && userLocation(stackOf(error)) === undefined
      ? `${file}: ${error.message}`
      : undefined
  }
  const [, what, importer] =
    /^Cannot find (?:package|module) '(.+?)'(?: imported from (.+))?/.exec(error.message) ?? []
  const requirer = /^Require stack:\n- (.+)$/m.exec(error.message)?.[1]
  const by = shortPath(asPath(importer ?? requirer ?? file))
  if (what === undefined) return `${by}: ${error.message}`
  const isFile =
    what.startsWith('/') || what.startsWith('.') || what.startsWith('file:') || /^[a-z]:/i.test(what)
  return isFile
    ? `${by}: imports ${shortPath(asPath(what))}, which does not exist`
    : `${by}: imports '${what}', which is not installed; run \`npm install ${packageOf(what)}\``
}

/** `@scope/name/deep/file.js` belongs to `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function asPath(pathOrUrl: string): string {
  return pathOrUrl.startsWith('file:') ? fileURLToPath(pathOrUrl) : pathOrUrl
}

/**
 * Where a module does not parse. V8 keeps the place of a SyntaxError to itself until it is uncaught: another process
 * imports the module again and dies of it, before it runs any of its code.
 */
function syntaxErrorPlace(error: SyntaxError, path: string): string | undefined {
  const script = `import ${JSON.stringify(pathToFileURL(path).href)}`
  const options = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script]
  const text = hasPlace(stackOf(error))
    ? stackOf(error)
    : spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 10_000 }).stderr
  const [, file, line] = /^(.+):(\d+)$/m.exec(text.split('\n', 1)[0]!) ?? []
  return file === undefined ? undefined : `${shortPath(asPath(file))}:${line}`
}

function hasPlace(stack: string): boolean {
  return /^.+:\d+\n/.test(stack) && !stack.startsWith('SyntaxError')
}

function stackOf(error: Error): string {
  return error.stack ?? `${error.name}: ${error.message}`
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n')
}
