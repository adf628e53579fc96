import type { ActorId } from '../../../lib/model/ids.ts'
import { actorFolder } from '../../../lib/serverless/actor/log-entry.ts'
import type { MemoryWorld } from '../../world/memory-world.ts'
import type { Ledger } from './ledger.ts'

/** Entries of a log that a cold start may have to read, where nothing holds up their folding. */
const TAIL_MAX = 300
/** Of a log that is folded by time: entries as young as this are not. */
const FOLDED_AFTER_MS = 15 * 60_000

/**
 * What a job that is over leaves behind of what it used, once it was visited after everybody who was late (invariant 11,
 * bounds).
 */
export async function leftoverProblems(world: MemoryWorld): Promise<string[]> {
  const problems: string[] = []
  const names = await world.blobs.store.list('')
  const checkpoints = names.filter((name) => name.startsWith('simulated/'))
  if (checkpoints.length > 0) problems.push(`bounds: a finished job keeps ${checkpoints.join(', ')}`)
  const savepoints = names.filter((name) => name.startsWith('savepoints/'))
  const whole = new Set(savepoints.filter(isRecord).map(directoryOf))
  const stray = savepoints.filter((name) => !whole.has(directoryOf(name)))
  if (stray.length > 0)
    problems.push(`bounds: ${stray.length} files belong to no savepoint, as ${stray.join(', ')}`)
  for (const actor of world.log.actors()) {
    const { version = '' } = world.log.head(actor) ?? {}
    const heads = names.filter((name) => name.startsWith(`heads/${actorFolder(actor)}/`))
    // Those after the head: who died before they became one. The next head of the actor is after them.
    const old = heads.filter((name) => name.slice(0, name.lastIndexOf('-')) <= headName(actor, version))
    if (old.length > 1) problems.push(`bounds: ${old.length} heads of ${actor} are there, as ${old[0]}`)
  }
  for (const partition of world.rows.partitions()) {
    const rows = world.rows.rows(partition)
    problems.push(`bounds: ${rows.length} rows of ${JSON.stringify(partition)} are there, or timers`)
  }
  if (world.wakeUps.scheduleEnabled) problems.push('bounds: a finished job is ticked once a minute')
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

function headName(actor: ActorId, version: string): string {
  return `heads/${actorFolder(actor)}/${version.replaceAll('#', '-')}`
}

function isRecord(name: string): boolean {
  return name.endsWith('/_metadata')
}

function directoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'))
}
