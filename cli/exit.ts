const closers = new Set<() => void>()

/** Has `close` called before the process ends, however it ends; returns what makes that unnecessary. */
export function closeBeforeExit(close: () => void): () => void {
  closers.add(close)
  return () => closers.delete(close)
}

export function exitProcess(code: number): never {
  for (const close of closers) close()
  process.exit(code)
}

/** Resolves once what was written to standard output and error is out of the process's hands. */
export async function flushOutput(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(flushed))
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (!stream.writable) return Promise.resolve()
  return new Promise((resolve) => void stream.write('', () => resolve()))
}
