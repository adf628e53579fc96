import { nodeFiles, type DiskFiles } from './disk-files.ts'

/** What the runtime, besides time and chance, meets outside itself. Tests put a simulated one in its place. */
export interface World {
  readonly files: DiskFiles
  /** Milliseconds since whenever; never goes back. */
  readonly uptimeMs: () => number
}

export const machine: World = { files: nodeFiles, uptimeMs: () => performance.now() }
