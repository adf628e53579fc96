type Chunk = string | Uint8Array
type Done = (error?: Error | null) => void

export interface Tap {
  /** Writes to the stream itself. */
  write(chunk: Chunk): void
  /** Lets everybody write to the stream again. */
  release(): void
}

/** Hands what the job, or anything else, writes to `stream` to `take` instead. */
export function tap(
  stream: NodeJS.WriteStream,
  take: (chunk: Chunk, encoding: BufferEncoding | undefined) => void,
): Tap {
  const own = Object.getOwnPropertyDescriptor(stream, 'write')
  const write = stream.write.bind(stream)
  stream.write = (chunk: Chunk, encodingOrDone?: BufferEncoding | Done, done?: Done): boolean => {
    take(chunk, typeof encodingOrDone === 'string' ? encodingOrDone : undefined)
    const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done
    if (callback !== undefined) process.nextTick(callback)
    return true
  }
  return {
    write: (chunk) => void write(chunk),
    release() {
      if (own === undefined) delete (stream as Partial<NodeJS.WriteStream>).write
      else Object.defineProperty(stream, 'write', own)
    },
  }
}
