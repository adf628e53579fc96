import type { ActorId } from '../../model/ids.ts'
import type { JobRuntime } from '../runtime.ts'
import type { Behaviour, Place } from './behaviour.ts'
import type { ChannelCount, History, Snapshot } from './history.ts'
import { actorFolder, sortOf } from './log-entry.ts'
import { pack, unpack } from './packing.ts'
import { blobOf, isReadable, loadBody, storeBody } from './stored-body.ts'

const HEADS_PREFIX = 'heads/'

/** A head's content, packed; by the number of its version. */
type HeadFields = readonly [
  attempt: number,
  position: number,
  state: unknown,
  received: readonly (readonly [ActorId, number, number])[],
  sent: readonly (readonly [ActorId, number, number])[],
  nowMs: number,
]

/** How a behaviour's state is written down. */
export type HeadCodec<State> = Pick<Behaviour<State, never>, 'encode' | 'decode' | 'afterHead'>

/** Heads of one actor: the folded state that a cold start begins from. */
export class HeadStore<State> {
  readonly #actor: ActorId
  readonly #behaviour: HeadCodec<State>
  readonly #runtime: Pick<JobRuntime, 'log' | 'blobs'>
  #written = ''

  constructor(actor: ActorId, behaviour: HeadCodec<State>, runtime: Pick<JobRuntime, 'log' | 'blobs'>) {
    this.#actor = actor
    this.#behaviour = behaviour
    this.#runtime = runtime
  }

  /** Where entries after `place` begin; undefined before the first. */
  sortOf(place: Place): string | undefined {
    return place.position === 0 ? undefined : sortOf(place)
  }

  async read(): Promise<Snapshot<State> | undefined> {
    const head = await this.#runtime.log.head(this.#actor)
    if (head === undefined) return undefined
    const { packed } = await loadBody(this.#runtime.blobs, head.body)
    const [attempt, position, state, received, sent, nowMs] = unpack(packed) as HeadFields
    this.#written = head.version
    return {
      place: { attempt, position },
      state: this.#behaviour.decode(state),
      received: new Map(received.map(counted)),
      sent: new Map(sent.map(counted)),
      nowMs,
    }
  }

  /** Writes a head for what is folded, unless there is one; then removes what nobody will read any more. False: no need. */
  async write<Delta>(history: History<State, Delta>): Promise<boolean> {
    const { place, state, received, sent, nowMs } = history.folded
    const version = sortOf(place)
    if (place.position === 0 || version <= this.#written) return false
    const fields: HeadFields = [
      place.attempt,
      place.position,
      this.#behaviour.encode(state),
      flat(received),
      flat(sent),
      nowMs,
    ]
    const { blobs, log } = this.#runtime
    const body = await storeBody(blobs, blobPrefix(this.#actor, version), pack(fields))
    const outcome = await log.putHead(this.#actor, { version, body })
    this.#written = version
    if (outcome.type === 'stale') return false
    const replaced = outcome.replaced === undefined ? undefined : blobOf(outcome.replaced.body)
    const garbage = history.takeSpentBlobs(version)
    if (replaced !== undefined && replaced !== blobOf(body)) garbage.push(replaced)
    for (const name of garbage) await blobs.delete(name)
    await this.#behaviour.afterHead?.(state)
    return true
  }
}

/**
 * Removes objects of these actors that no head refers to, nor will: a process that died, or came second, left them. Heads
 * never go back, so it does no harm if it comes late. False: there was not the time for all of them.
 */
export async function removeOldHeads(
  { blobs, log }: Pick<JobRuntime, 'blobs' | 'log'>,
  actors: Iterable<ActorId>,
  isTimeLeft: () => boolean,
): Promise<boolean> {
  if (!isTimeLeft()) return false
  const byFolder = new Map<string, string[]>()
  for (const name of await blobs.list(HEADS_PREFIX)) {
    const folder = name.slice(0, name.lastIndexOf('/'))
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), name])
  }
  for (const actor of actors) {
    const names = byFolder.get(headFolder(actor))
    if (names === undefined) continue
    if (!isTimeLeft()) return false
    const head = await log.head(actor)
    // Of newer code: it knows what it refers to.
    if (head === undefined || !isReadable(head.body)) continue
    const own = blobOf(head.body)
    const prefix = blobPrefix(actor, head.version)
    for (const name of names) {
      // What sorts after the head may be about to become one.
      if (name === own || !(name < prefix || name.startsWith(prefix))) continue
      if (!isTimeLeft()) return false
      await blobs.delete(name)
    }
  }
  return true
}

function headFolder(actor: ActorId): string {
  return `${HEADS_PREFIX}${actorFolder(actor)}`
}

/** Names sort as versions do. */
function blobPrefix(actor: ActorId, version: string): string {
  return `${headFolder(actor)}/${version.replaceAll('#', '-')}`
}

function flat(counts: ReadonlyMap<ActorId, ChannelCount>): [ActorId, number, number][] {
  return [...counts].map(([actor, { attempt, next }]) => [actor, attempt, next])
}

function counted([actor, attempt, next]: readonly [ActorId, number, number]): [ActorId, ChannelCount] {
  return [actor, { attempt, next }]
}
