import { isActorId } from '../../model/actors.ts'
import { messageOf } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import { pack, unpack } from './packing.ts'

/** The version of everything below. A reader refuses any other: see {@link PoisonMessage}. */
const ENVELOPE_VERSION = 1

/** Later versions stay within this: text begins with a greater byte. */
const ENVELOPE_VERSION_MAX = 8

/** Bytes of a packed payload: in the envelope, or in a blob where they are many. */
export type PackedPayload = { readonly bytes: Uint8Array } | { readonly blob: string }

/** The next message of a channel: numbers count from 0 within an attempt, for each pair of actors. */
export interface ChannelMessage {
  readonly kind: 'message'
  readonly to: ActorId
  readonly from: ActorId
  readonly attempt: number
  readonly sequence: number
  readonly payload: PackedPayload
}

/** What travels between actors. */
export type Envelope =
  | ChannelMessage
  /** Look again. `wakeUpAtMs`: because this time has come, for which it was asked. */
  | { readonly kind: 'nudge'; readonly to: ActorId; readonly wakeUpAtMs: number | undefined }
  /** `from` lacks `next` of what `to` sent it, and dropped what came after. */
  | {
      readonly kind: 'resend'
      readonly to: ActorId
      readonly from: ActorId
      readonly attempt: number
      readonly next: number
    }
  /** The answer to `resend` where `from` has folded over `next` of what it sent. */
  | {
      readonly kind: 'gone'
      readonly to: ActorId
      readonly from: ActorId
      readonly attempt: number
      readonly next: number
    }
  /** From outside, or across attempts: no channel, and it may come twice. */
  | { readonly kind: 'request'; readonly to: ActorId; readonly payload: unknown }

const KINDS = ['message', 'nudge', 'resend', 'request', 'gone'] as const

/** A message that can never be handled: it is refused, with its reason, and blocks nothing. */
export class PoisonMessage extends Error {
  override readonly name: string = 'PoisonMessage'
}

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const body = pack(fieldsOf(envelope))
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = ENVELOPE_VERSION
  bytes.set(body, 1)
  return bytes
}

export function encodeRequest(to: ActorId, payload: unknown): Uint8Array {
  return encodeEnvelope({ kind: 'request', to, payload })
}

/** `wakeUpAtMs`: the time that was asked for, where it is a wake-up. */
export function encodeNudge(to: ActorId, wakeUpAtMs?: number): Uint8Array {
  return encodeEnvelope({ kind: 'nudge', to, wakeUpAtMs })
}

/** @throws PoisonMessage if `bytes` are no envelope of this version. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const version = bytes[0]
  if (version !== ENVELOPE_VERSION)
    throw new PoisonMessage(`Expected an envelope, got ${otherThanOurs(version)}`)
  let fields: unknown
  try {
    fields = unpack(bytes.subarray(1))
  } catch (cause) {
    throw new PoisonMessage(`Expected an envelope, got bytes that are none: ${messageOf(cause)}`, { cause })
  }
  const envelope = envelopeOf(fields)
  if (envelope === undefined) throw new PoisonMessage('Expected an envelope, got data of another shape')
  return envelope
}

function otherThanOurs(version: number | undefined): string {
  if (version === undefined) return 'an empty message'
  if (version < ENVELOPE_VERSION || version > ENVELOPE_VERSION_MAX) return 'what is no message of Millrace'
  return `version ${version} of one: it was written by newer code than this function runs, which reads version ${ENVELOPE_VERSION}`
}

function fieldsOf(envelope: Envelope): readonly unknown[] {
  const kind = KINDS.indexOf(envelope.kind)
  switch (envelope.kind) {
    case 'message': {
      const { to, from, attempt, sequence, payload } = envelope
      return [kind, to, from, attempt, sequence, 'blob' in payload ? payload.blob : payload.bytes]
    }
    case 'nudge':
      return [kind, envelope.to, envelope.wakeUpAtMs ?? null]
    case 'resend':
    case 'gone':
      return [kind, envelope.to, envelope.from, envelope.attempt, envelope.next]
    case 'request':
      return [kind, envelope.to, envelope.payload]
  }
}

function envelopeOf(fields: unknown): Envelope | undefined {
  if (!Array.isArray(fields)) return undefined
  const [kind, to, ...rest] = fields as [unknown, unknown, ...unknown[]]
  if (!isActorId(to)) return undefined
  const known = KINDS[kind as number]
  switch (known) {
    case 'message': {
      const [from, attempt, sequence, payload] = rest
      if (!isActorId(from) || !isCount(attempt) || !isCount(sequence)) return undefined
      const packed = packedOf(payload)
      if (packed === undefined) return undefined
      return { kind: 'message', to, from, attempt, sequence, payload: packed }
    }
    case 'nudge':
      return { kind: 'nudge', to, wakeUpAtMs: typeof rest[0] === 'number' ? rest[0] : undefined }
    case 'resend':
    case 'gone': {
      const [from, attempt, next] = rest
      if (!isActorId(from) || !isCount(attempt) || !isCount(next)) return undefined
      return { kind: known, to, from, attempt, next }
    }
    case 'request':
      return { kind: 'request', to, payload: rest[0] }
    case undefined:
      return undefined
  }
}

export function packedOf(payload: unknown): PackedPayload | undefined {
  if (typeof payload === 'string') return { blob: payload }
  return payload instanceof Uint8Array ? { bytes: payload } : undefined
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}
