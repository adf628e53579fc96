import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import { distance } from 'fastest-levenshtein'

import { UserError } from '../../lib/model/faults.ts'
import { isJobDefinition, type JobDefinition } from '../../lib/stream/job.ts'
import { explainLoadFailure } from './explain-load-failure.ts'

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs']

/**
 * Loads the module and returns the job that is its default export. TypeScript needs no build step.
 * @throws UserError saying what is wrong with the file, and what to do about it.
 */
export async function loadJob(file: string): Promise<JobDefinition> {
  const problem = jobFileProblem(file)
  if (problem !== undefined) throw new UserError(problem)
  const path = resolve(file)
  await acceptTypeScript()
  let loaded: Record<string, unknown>
  try {
    loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (cause) {
    throw explainLoadFailure(cause, path)
  }
  return jobOf(loaded, file)
}

/** Lets Node import TypeScript. In a package without "type": "module", a .ts file is CommonJS. */
async function acceptTypeScript(): Promise<void> {
  const [commonJs, modules] = await Promise.all([import('tsx/cjs/api'), import('tsx/esm/api')])
  commonJs.register()
  modules.register()
}

/** What is wrong with `file` before anything in it is read. */
export function jobFileProblem(file: string): string | undefined {
  const path = resolve(file)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return `${file}: no such file${nearby(path)}`
  if (!stats.isFile()) return `${file}: expected a job module, found a directory`
  if (!EXTENSIONS.includes(extname(path))) {
    return `${file}: expected a job module (${EXTENSIONS.join(', ')}), found a file of another kind`
  }
  return undefined
}

/** A file that the user may have meant: of the same name but for its extension, or of nearly the same. */
function nearby(path: string): string {
  const folder = dirname(path)
  if (!existsSync(folder)) return `; there is no directory ${folder} either`
  const wanted = nameOf(path)
  const [nearest] = readdirSync(folder)
    .filter(mayBeJob)
    .map((name) => ({ name, edits: distance(nameOf(name).toLowerCase(), wanted.toLowerCase()) }))
    .toSorted((one, other) => one.edits - other.edits)
  if (nearest === undefined || nearest.edits > Math.max(1, wanted.length / 3)) return ''
  return `; did you mean ${join(folder, nearest.name)}?`
}

/** No declarations, settings of tools, or tests. */
function mayBeJob(name: string): boolean {
  return EXTENSIONS.includes(extname(name)) && !/^\.|\.(?:d|config|test|spec)\.\w+$/.test(name)
}

const nameOf = (path: string): string => basename(path, extname(path))

function jobOf(loaded: Readonly<Record<string, unknown>>, file: string): JobDefinition {
  const candidate = loaded['default']
  if (isJobDefinition(candidate)) return candidate
  // A CommonJS module, seen through `import`: its exports are the default export.
  const exported = isRecord(candidate) && 'default' in candidate ? candidate : loaded
  if (isJobDefinition(exported['default'])) return exported['default']
  throw new UserError(`${file}: ${exportProblem(exported)}`)
}

function exportProblem(exported: Readonly<Record<string, unknown>>): string {
  const expected = 'expected `export default defineJob(…)`'
  const named = Object.entries(exported).find(([name, value]) => name !== 'default' && isJobDefinition(value))
  if (named !== undefined)
    return `${expected}, found a job exported as \`${named[0]}\`; export it as the default`
  if (!('default' in exported)) {
    const names = Object.keys(exported)
    const found = names.length === 0 ? 'no exports at all' : `only the exports ${names.join(', ')}`
    return `${expected}, found ${found}`
  }
  return `${expected}, found a default export that is ${describe(exported['default'])}`
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (value instanceof Promise) return 'a promise; use `export default await …`'
  if (typeof value === 'function') return 'a function; a job is what `defineJob(options, function)` returns'
  if (Array.isArray(value)) return 'an array; a file holds one job'
  return typeof value === 'object' ? 'an object that defineJob did not make' : `a ${typeof value}`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
