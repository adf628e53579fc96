import type { ChannelCounts } from '../../checkpoint/checkpoint-record.ts'
import type { InFlightElement } from '../../checkpoint/in-flight-elements.ts'
import { taskActor, taskOfActor } from '../../model/actors.ts'
import type { Element } from '../../model/elements.ts'
import { UserError } from '../../model/faults.ts'
import type { ActorId, TaskId } from '../../model/ids.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { ChannelStretch, Input, Outgoing, View } from '../actor/behaviour.ts'
import { payloadBytes } from '../actor/log-entry.ts'
import { unpack } from '../actor/packing.ts'
import type { ElementsPayload, InFlightStretch } from '../protocol.ts'

/** How far the channels of a task are once it has taken these inputs and sent these messages. */
export function channelCounts<State>(
  view: View<State>,
  senders: Iterable<ActorId>,
  receivers: Iterable<ActorId>,
  taken: readonly Input[],
  outgoing: readonly Outgoing[],
): ChannelCounts {
  const received: Record<TaskId, number> = {}
  const sent: Record<TaskId, number> = {}
  for (const actor of senders) {
    const now = taken.filter((input) => input.type === 'message' && input.from === actor).length
    received[taskOfActor(actor)] = view.receivedFrom(actor) + now
  }
  for (const actor of receivers) {
    const now = outgoing.filter(({ to }) => to === actor).length
    sent[taskOfActor(actor)] = view.sentTo(actor) + now
  }
  return { received, sent }
}

/**
 * What of a channel's elements was under way at a checkpoint: all before its barrier that is told no other way. Barriers of
 * earlier ones are settled; the end of the input is told again by a task that is restored after it, and so is its status.
 */
export function underWay(elements: readonly Element[], checkpointId: number): readonly InFlightElement[] {
  const end = elements.findIndex((one) => one.kind === 'barrier' && one.checkpointId >= checkpointId)
  const before = end < 0 ? elements : elements.slice(0, end)
  return before.filter((one) => one.kind === 'records' || one.kind === 'watermark')
}

/**
 * What was under way from this task at the checkpoint that its attempt begins from: sent again before anything else, on the
 * channels of the new attempt.
 * @throws UserError if some of it is not in the log any more.
 */
export async function sentAgain<State>(
  view: View<State>,
  stretches: readonly InFlightStretch[],
  checkpointId: number,
  blobs: BlobStore,
): Promise<Outgoing[]> {
  const again: Outgoing[] = []
  for (const stretch of stretches) {
    const to = taskActor(stretch.to)
    for (const payload of await sentOn(view, view.actor, stretch, checkpointId, blobs))
      again.push({ to, payload })
  }
  return again
}

export type PayloadUnderWay = ElementsPayload & { readonly elements: readonly InFlightElement[] }

/**
 * What a task sent on a stretch of a channel and was under way, message by message.
 * @throws UserError if some of it is not in the log any more.
 */
export async function sentOn(
  log: Pick<View<never>, 'sentBetween'>,
  actor: ActorId,
  stretch: InFlightStretch,
  checkpointId: number,
  blobs: BlobStore,
): Promise<PayloadUnderWay[]> {
  const messages = log.sentBetween(stretchOf(stretch))
  if (messages === undefined) {
    throw new UserError(
      `${actor}: what was under way to ${stretch.to} at the checkpoint is not in the log any more. ` +
        'Start from a newer checkpoint or from a savepoint',
    )
  }
  const payloads: PayloadUnderWay[] = []
  for (const { payload: packed } of messages) {
    const payload = unpack(await payloadBytes(blobs, packed)) as ElementsPayload
    const elements = underWay(payload.elements, checkpointId)
    if (elements.length > 0) payloads.push({ ...payload, elements })
  }
  return payloads
}

/** The position before the first turn of which something was under way; `otherwise` if nothing was. */
export function positionBefore<State>(
  view: View<State>,
  stretches: readonly InFlightStretch[],
  otherwise: number,
): number {
  const positions = stretches.flatMap((stretch) => view.sentBetween(stretchOf(stretch)) ?? [])
  return Math.min(otherwise, ...positions.map(({ position }) => position - 1))
}

function stretchOf({ to, attempt, first, end }: InFlightStretch): ChannelStretch {
  return { to: taskActor(to), attempt, first, end }
}
