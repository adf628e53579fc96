import type { WriteStream } from 'node:tty'

import picocolors from 'picocolors'

export type Colors = ReturnType<typeof picocolors.createColors>

export const NO_COLORS: Colors = picocolors.createColors(false)

/** Colours for a stream: on a terminal that has them; NO_COLOR turns them off, FORCE_COLOR on, anywhere. */
export function colorsFor(stream: NodeJS.WritableStream, env: NodeJS.ProcessEnv): Colors {
  return picocolors.createColors(wantsColors(stream, env))
}

function wantsColors(stream: NodeJS.WritableStream, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force } = env
  if (no !== undefined && no !== '') return false
  if (force !== undefined) return force !== '0' && force !== 'false'
  return (stream as Partial<WriteStream>).isTTY === true && (stream as WriteStream).hasColors()
}
