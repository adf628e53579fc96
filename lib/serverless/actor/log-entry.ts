import { inParallel } from '../../connectors/in-parallel.ts'
import { assert } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import { sha256 } from '../../node/sha256.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { LogEntry, TurnLog } from '../../ports/turn-log.ts'
import type { Genesis, Place } from './behaviour.ts'
import { packedOf, type PackedPayload } from './envelope.ts'
import { LOG_LIMITS } from './limits.ts'
import { loadNamed } from './named-blob.ts'
import { pack, unpack } from './packing.ts'
import { blobOf, inlineBody, loadBody, storeBody } from './stored-body.ts'

/** What a turn sends, in the order of sending. */
export interface OutboxMessage {
  readonly to: ActorId
  readonly attempt: number
  readonly sequence: number
  readonly payload: PackedPayload
}

/** How far a channel into the actor was consumed. */
export interface Consumed {
  readonly from: ActorId
  readonly attempt: number
  /** The number that is expected next. */
  readonly next: number
}

/** One committed turn: what it consumed, what it changed, what it sends. */
export interface TurnItem extends Place {
  readonly type: 'turn'
  readonly nowMs: number
  /** The channels that the turn consumed of. */
  readonly consumed: readonly Consumed[]
  readonly outbox: readonly OutboxMessage[]
  readonly nudges: readonly ActorId[]
  readonly wakeAtMs: number | undefined
  readonly delta: unknown
  /** Turns up to this position had sent all they had to send when this one was appended. */
  readonly sentThrough: number
}

export interface GenesisItem extends Place {
  readonly type: 'genesis'
  readonly genesis: Genesis
}

/** The attempt is over: no turn of it counts from here on. */
export interface FenceItem {
  readonly type: 'fence'
  readonly attempt: number
}

/** An entry of an actor's log, with the blob that holds it if it was too large for one. */
export type LogItem = (TurnItem | GenesisItem | FenceItem) & { readonly blob?: string | undefined }

/** An entry that cannot be had any more. */
export interface LostItem extends Place {
  readonly type: 'lost'
  readonly cause: unknown
}

const FENCE_SORT = '~'

/** Where an entry sorts: attempts in order, positions within them; a fence after all positions of its attempt. */
export function sortOf({ attempt, position }: Place): string {
  return `${attemptPart(attempt)}${digits(position, 12)}`
}

export function placeOf(sort: string): Place {
  const [, attempt, position] = sort.split('#')
  return { attempt: Number(attempt), position: Number(position) }
}

/** Writes the genesis of an attempt. Resolves also where the same is there already. Safe to repeat. */
export async function appendGenesis(
  log: TurnLog,
  actor: ActorId,
  position: number,
  genesis: Genesis,
  nowMs: number,
  blobs: BlobStore,
): Promise<void> {
  const body = await placed(blobs, actor, { attempt: genesis.attempt, position }, [
    'genesis',
    genesis.base === undefined ? null : [genesis.base.attempt, genesis.base.position],
    genesis.content,
  ])
  // Whoever finds it there lost nothing: an attempt is begun once, by the one coordinator turn that decided on it.
  await log.append(actor, { sort: sortOf({ attempt: genesis.attempt, position }), body }, expirySec(nowMs))
}

/** Ends an attempt for an actor. Safe to repeat. */
export async function appendFence(
  log: TurnLog,
  actor: ActorId,
  attempt: number,
  nowMs: number,
): Promise<void> {
  await log.append(
    actor,
    { sort: `${attemptPart(attempt)}${FENCE_SORT}`, body: inlineBody(pack(['fence'])) },
    expirySec(nowMs),
  )
}

/** The conditional append that commits a turn. */
export async function appendTurn(
  log: TurnLog,
  blobs: BlobStore,
  actor: ActorId,
  item: TurnItem,
): Promise<{
  readonly outcome: 'appended' | 'exists'
  readonly blob: string | undefined
  readonly bytes: number
}> {
  const body = await placed(blobs, actor, item, [
    'turn',
    item.nowMs,
    item.consumed.map(({ from, attempt, next }) => [from, attempt, next]),
    item.outbox.map(({ to, attempt, sequence, payload }) => [
      to,
      attempt,
      sequence,
      'blob' in payload ? payload.blob : payload.bytes,
    ]),
    item.nudges,
    item.wakeAtMs ?? null,
    item.delta,
    item.sentThrough,
  ])
  const outcome = await log.append(actor, { sort: sortOf(item), body }, expirySec(item.nowMs))
  return { outcome, blob: blobOf(body), bytes: body.length }
}

/**
 * As {@link decodeEntry}, by index: a cold start waits for a few objects at a time, and not for one after the other.
 * What fails and `isLost` stands as a {@link LostItem}: whether it matters, what comes after it tells.
 */
export async function decodeEntries(
  entries: readonly LogEntry[],
  blobs: BlobStore,
  isLost: (cause: unknown) => boolean,
): Promise<readonly (LogItem | LostItem)[]> {
  const items: (LogItem | LostItem)[] = []
  await inParallel([...entries.keys()], LOG_LIMITS.blobsAtOnce, async (index) => {
    const entry = entries[index]!
    try {
      items[index] = await decodeEntry(entry, blobs)
    } catch (cause) {
      if (!isLost(cause)) throw cause
      items[index] = { type: 'lost', ...placeOf(entry.sort), cause }
    }
  })
  return items
}

/**
 * @throws ObjectGone if the blob that holds it is gone: whoever reads is behind what was folded.
 * @throws PlatformFault if it was altered, or written by newer code.
 */
export async function decodeEntry(entry: LogEntry, blobs: BlobStore): Promise<LogItem> {
  const { packed, blob } = await loadBody(blobs, entry.body)
  const [type, ...fields] = unpack(packed) as [string, ...unknown[]]
  if (type === 'fence') return { type: 'fence', attempt: placeOf(entry.sort).attempt }
  const place = placeOf(entry.sort)
  if (type === 'genesis') {
    const [base, content] = fields as [[number, number] | null, unknown]
    const basePlace = base === null ? undefined : { attempt: base[0], position: base[1] }
    return { type, ...place, genesis: { attempt: place.attempt, base: basePlace, content }, blob }
  }
  assert(type === 'turn', `an entry is a turn, a genesis or a fence, not ${type}`)
  return { ...turnOf(place, fields), blob }
}

/** What a message carries, still packed. @throws as {@link loadNamed}. */
export async function payloadBytes(blobs: BlobStore, payload: PackedPayload): Promise<Uint8Array> {
  return 'blob' in payload ? loadNamed(blobs, payload.blob) : payload.bytes
}

/** The folder of an actor's blobs: actors' names may hold what names of objects should not. */
export function actorFolder(actor: ActorId): string {
  return sha256(actor).slice(0, 16)
}

function turnOf(place: Place, fields: readonly unknown[]): TurnItem {
  const [nowMs, consumed, outbox, nudges, wakeAtMs, delta, sentThrough] = fields as [
    number,
    [ActorId, number, number][],
    [ActorId, number, number, unknown][],
    ActorId[],
    number | null,
    unknown,
    number,
  ]
  return {
    type: 'turn',
    ...place,
    nowMs,
    consumed: consumed.map(([from, attempt, next]) => ({ from, attempt, next })),
    outbox: outbox.map(([to, attempt, sequence, payload]) => {
      const packed = packedOf(payload)
      assert(packed !== undefined, 'an outbox holds packed payloads')
      return { to, attempt, sequence, payload: packed }
    }),
    nudges,
    wakeAtMs: wakeAtMs ?? undefined,
    delta,
    sentThrough,
  }
}

function placed(
  blobs: BlobStore,
  actor: ActorId,
  { attempt, position }: Place,
  fields: readonly unknown[],
): Promise<Uint8Array> {
  return storeBody(blobs, `log/${actorFolder(actor)}/${attempt}-${position}`, pack(fields))
}

function attemptPart(attempt: number): string {
  return `L#${digits(attempt, 8)}#`
}

function digits(value: number, count: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is a count`)
  return String(value).padStart(count, '0')
}

function expirySec(nowMs: number): number {
  return Math.ceil((nowMs + LOG_LIMITS.retentionMs) / 1000)
}
