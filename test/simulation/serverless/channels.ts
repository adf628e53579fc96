import type { Element } from '../../../lib/model/elements.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import type { ElementsPayload } from '../../../lib/serverless/protocol.ts'
import type { Ledger, Logged, LoggedTurn } from './ledger.ts'

// What actors said to each other, read out of their logs.

export type Logs = ReadonlyMap<ActorId, readonly Logged[]>

/** All that one actor sent another in one attempt. */
export interface Channel {
  readonly from: ActorId
  readonly to: ActorId
  readonly attempt: number
  readonly messages: Sent[]
}

interface Sent {
  readonly sequence: number
  readonly payload: unknown
  /** Of the turn that sends it. */
  readonly position: number
  readonly order: number
}

export type Channels = ReadonlyMap<string, Channel>

export const channelId = (from: ActorId, to: ActorId, attempt: number): string =>
  `${from} to ${to} in ${attempt}`

export function turnsOf(log: readonly Logged[] | undefined): LoggedTurn[] {
  return (log ?? []).filter((one): one is LoggedTurn => one.item.type === 'turn')
}

export function channelsOf(logs: Logs, ledger: Ledger): Channels {
  const channels = new Map<string, Channel>()
  for (const [from, log] of logs) {
    for (const { item, order } of turnsOf(log)) {
      for (const { to, attempt, sequence, payload } of item.outbox) {
        const id = channelId(from, to, attempt)
        const channel = channels.get(id) ?? { from, to, attempt, messages: [] }
        channels.set(id, channel)
        channel.messages.push({ sequence, payload: ledger.payload(payload), position: item.position, order })
      }
    }
  }
  return channels
}

interface SentElement {
  readonly element: Element
  readonly sequence: number
  readonly position: number
}

function payloadsOf({ messages }: Channel): (Sent & { payload: ElementsPayload })[] {
  return messages.filter((one): one is Sent & { payload: ElementsPayload } => {
    return (one.payload as { type?: unknown }).type === 'elements'
  })
}

export function edgesOf(channel: Channel): number[] {
  return [...new Set(payloadsOf(channel).map(({ payload }) => payload.edge))]
}

export function elementsOf(channel: Channel, edge: number): SentElement[] {
  return payloadsOf(channel).flatMap(({ payload, sequence, position }) =>
    payload.edge === edge ? payload.elements.map((element) => ({ element, sequence, position })) : [],
  )
}

/** What they bring, one by one and as text: where a batch was cut says nothing. */
export function contentOf(elements: readonly Element[]): string[] {
  return elements.flatMap((one) => {
    if (one.kind === 'watermark') return [`watermark ${one.timestampMs}`]
    if (one.kind !== 'records') return [`${one.kind} ${JSON.stringify(one)}`]
    return one.values.map((value, index) => `record ${JSON.stringify(value)} at ${one.timestamps[index]}`)
  })
}
