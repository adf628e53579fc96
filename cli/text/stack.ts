import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The part of `stack` that is its reader's: the message, and the frames outside Node and Millrace, with paths as the
 * reader would type them. The first frames as they are, where all belong to others.
 */
export function userStack(stack: string): string[] {
  const lines = stack.split('\n')
  const frames = lines.filter(isFrame)
  const own = frames.filter((frame) => !isForeign(frame))
  const shown = own.length > 0 ? own : frames.slice(0, FOREIGN_FRAMES_MAX)
  return [...lines.filter((line) => !isFrame(line)), ...shown.map(shorten)]
}

/** Where the user's code stood when `stack` was made: `job.ts:12:5`; undefined if it was nowhere in it. */
export function userLocation(stack: string): string | undefined {
  const frame = stack.split('\n').find((line) => isFrame(line) && !isForeign(line))
  const place = frame === undefined ? undefined : placeOf(frame)
  return place === undefined ? undefined : `${shortPath(place.file)}${place.position}`
}

/** `file` as seen from the working directory, unless it lies elsewhere. */
export function shortPath(file: string): string {
  const path = relative(process.cwd(), file)
  return path === '' || path.startsWith('..') ? file : path
}

const FOREIGN_FRAMES_MAX = 8

function isFrame(line: string): boolean {
  return /^\s+at /.test(line)
}

interface Place {
  /** As the frame has it. */
  readonly written: string
  readonly file: string
  /** `:12:5` */
  readonly position: string
}

/** The file of a frame; undefined for code that is in none, such as Node's own or an eval. */
function placeOf(frame: string): Place | undefined {
  if (frame.includes('(eval at ')) return undefined
  const match = /\((.+?)(:\d+:\d+)\)$/.exec(frame) ?? /at (?:async )?(.+?)(:\d+:\d+)$/.exec(frame)
  if (match === null) return undefined
  const [, written = '', position = ''] = match
  if (written.startsWith('file:')) return { written, file: fileURLToPath(written), position }
  return isAbsolute(written) ? { written, file: written, position } : undefined
}

/** Code that the user neither wrote nor can mend: Node, Millrace in any copy, and what calls a job for it. */
function isForeign(frame: string): boolean {
  const place = placeOf(frame)
  return (
    place === undefined ||
    /[\\/]node_modules[\\/](tsx|esbuild|commander)[\\/]/.test(place.file) ||
    isMillrace(place.file)
  )
}

/** Whether a file is code of this package, wherever a copy of it is installed. */
function isMillrace(file: string): boolean {
  const root = packageRootOf(dirname(file))
  if (root === undefined || nameOf(root) !== 'millrace') return false
  return ['lib', 'cli', 'dist'].some((folder) => file.startsWith(join(root, folder) + sep))
}

function packageRootOf(directory: string): string | undefined {
  if (existsSync(join(directory, 'package.json'))) return directory
  const parent = dirname(directory)
  return parent === directory ? undefined : packageRootOf(parent)
}

function nameOf(root: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly name?: string }).name
  } catch {
    return undefined
  }
}

function shorten(frame: string): string {
  const place = placeOf(frame)
  return place === undefined ? frame : frame.replace(place.written, shortPath(place.file))
}
