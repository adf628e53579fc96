import { createReadStream } from 'node:fs'

const CHUNK_BYTES = 262_144

/** Calls `onLine` for each line of a text file: what a careful person writes by hand, in chunks of what a job reads. */
export async function readLines(path: string, onLine: (line: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_BYTES })) {
    const lines = (rest + (chunk as string)).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
  if (rest !== '') onLine(rest)
}
