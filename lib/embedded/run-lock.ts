import { mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../model/faults.ts'

const LOCK_NAME = 'lock'

/**
 * Takes the run in `directory` for this process; resolves to what gives it back. A lock whose process is gone is
 * taken over.
 * @throws UserError if another live process has it: two would overwrite each other's checkpoints.
 */
export async function lockRun(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, LOCK_NAME)
  await mkdir(directory, { recursive: true })
  for (;;) {
    try {
      const file = await open(path, 'wx')
      await file.write(String(process.pid))
      await file.close()
      return () => release(directory, path)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''))
    if (owner !== process.pid && isAlive(owner)) {
      throw new UserError(
        `${directory}: expected a run that no other process goes on with, but process ${owner} does. ` +
          `Stop it first; if it is not a Millrace job, remove ${path}`,
      )
    }
    await rm(path, { force: true })
  }
}

/** A run that left nothing to go on from leaves no directory behind. */
async function release(directory: string, path: string): Promise<void> {
  await rm(path, { force: true })
  for (const name of await readdir(directory).catch(() => []))
    await rmdir(join(directory, name)).catch(() => {})
  await rmdir(directory).catch(() => {})
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
