import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { runJob, type JobDefinition } from 'millrace'

/** Runs a bounded job to its end, its checkpoints below `directory`. Resolves to the milliseconds from start to end. */
export async function timeJob(job: JobDefinition, directory: string): Promise<number> {
  const checkpoints = join(directory, 'checkpoints')
  rmSync(checkpoints, { recursive: true, force: true })
  const startedAtMs = performance.now()
  const handle = await runJob(job, { set: { 'state.checkpoints.dir': checkpoints } })
  const { status, cause } = await handle.result
  const tookMs = performance.now() - startedAtMs
  if (status !== 'FINISHED') throw new Error(`The job ended as ${status}`, { cause })
  return tookMs
}
