import type { MemoryWorld } from '../../world/memory-world.ts'
import type { Ledger } from './ledger.ts'

/** Entries of a log that a cold start may have to read, where nothing holds up their folding. */
const TAIL_MAX = 300
/** Of a log that is folded by time: entries as young as this are not. */
const FOLDED_AFTER_MS = 15 * 60_000

/** What a job that is over leaves behind of what it used (invariant 11, bounds). */
export async function leftoverProblems(
  world: MemoryWorld,
  ledger: Ledger,
  disturbances: number,
): Promise<string[]> {
  const problems: string[] = []
  const names = await world.blobs.store.list('')
  const checkpoints = names.filter((name) => name.startsWith('simulated/'))
  if (checkpoints.length > 0) problems.push(`bounds: a finished job keeps ${checkpoints.join(', ')}`)
  const savepoints = names.filter((name) => name.startsWith('savepoints/'))
  const whole = new Set(savepoints.filter(isRecord).map(directoryOf))
  const stray = savepoints.filter((name) => !whole.has(directoryOf(name)))
  // Nor is what was copied for a savepoint that came to nothing, if the process that copied it died.
  if (stray.length > disturbances)
    problems.push(`bounds: ${stray.length} files belong to no savepoint, as ${stray[0]}`)
  const heads = names.filter((name) => name.startsWith('heads/'))
  // A process that dies between a head and the removal of the one before it leaves that behind.
  const most = world.log.actors().length + disturbances
  if (heads.length > most) problems.push(`bounds: ${heads.length} heads are there, of at most ${most}`)
  for (const partition of world.rows.partitions()) {
    const attempt = Number(partition.namespace.slice(partition.namespace.lastIndexOf('-') + 1))
    // A write that was under way when its attempt was ended comes after its rows were dropped.
    const kept = world.rows.rows(partition).filter(({ rowKey }) => !ledger.isWrittenAfterEnd(rowKey, attempt))
    if (kept.length > 0)
      problems.push(`bounds: ${kept.length} rows of ${JSON.stringify(partition)} are there`)
  }
  return problems
}

/** What grows while a job runs, and must not do so for ever. */
export function growthProblems(world: MemoryWorld, ledger: Ledger, nowMs: number): string[] {
  const problems: string[] = []
  const dead = world.mailbox.deadLetters.size
  if (dead > 0) problems.push(`bounds: ${dead} messages were given up`)
  for (const actor of world.log.actors()) {
    const head = world.log.head(actor)
    const tail = ledger
      .appendedBefore(actor, nowMs - FOLDED_AFTER_MS)
      .filter((sort) => sort > (head?.version ?? ''))
    if (tail.length > TAIL_MAX) problems.push(`bounds: ${tail.length} old entries of ${actor} are in no head`)
  }
  return problems
}

function isRecord(name: string): boolean {
  return name.endsWith('/_metadata')
}

function directoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'))
}
