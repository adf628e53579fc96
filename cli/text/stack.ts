import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PACKAGE_ROOT } from '../package.ts'

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
  if (frame === undefined) return undefined
  const [, inParentheses, bare] =
    /(?:\((.+:\d+:\d+)\)|at (?:async )?(.+:\d+:\d+))$/.exec(shorten(frame)) ?? []
  return inParentheses ?? bare
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

/** Code that the user neither wrote nor can mend: Node, what loads TypeScript, and Millrace, in any copy. */
function isForeign(frame: string): boolean {
  return (
    /\(?node:|\(native\)|<anonymous>\)?$|\(index \d+\)$|\(eval at /.test(frame) ||
    /[\\/]node_modules[\\/](tsx|esbuild|millrace)[\\/]/.test(frame) ||
    OWN_FOLDERS.some((folder) => frame.includes(folder))
  )
}

const OWN_FOLDERS: readonly string[] = ['lib', 'cli', 'dist'].map(
  (folder) => PACKAGE_ROOT + sep + folder + sep,
)

function shorten(frame: string): string {
  return frame
    .replace(/file:\/\/\/\S+?(?=:\d+:\d+)/, (url) => fileURLToPath(url))
    .replace(process.cwd() + sep, '')
}
