import type { RecordBatch, Watermark } from '../model/elements.ts'
import { decodeValue, encodeValue } from '../state/codec.ts'

/** A channel, by names that outlive a change of the job: of one sender, to the tasks of one operator. */
export interface ChannelAddress {
  /** The operator whose output it takes. */
  readonly sourceUid: string
  /** The side output; undefined for the main output. */
  readonly tagId: string | undefined
  /** The head of the receiving chain. */
  readonly targetUid: string
  readonly inputIndex: number
  /** Subtask of the source. */
  readonly sender: number
}

/**
 * What can be under way on a channel and is kept. Barriers are settled by the checkpoint; the end of the input is told
 * again by a task that is restored after it; and such a task begins active, whatever status it sent before.
 */
export type InFlightElement = RecordBatch | Watermark

/** What was under way on one channel at a checkpoint, in order. */
export interface InFlightRun extends ChannelAddress {
  readonly elements: readonly InFlightElement[]
}

/** The same, each element encoded when it was met: what a function does to a record later changes nothing. */
export interface EncodedRun extends ChannelAddress {
  readonly elements: readonly Uint8Array[]
}

export function isSameChannel(a: ChannelAddress, b: ChannelAddress): boolean {
  const { sourceUid, tagId, targetUid, inputIndex, sender } = a
  const isSameEdge = b.sourceUid === sourceUid && b.tagId === tagId && b.inputIndex === inputIndex
  return isSameEdge && b.targetUid === targetUid && b.sender === sender
}

/** @throws UserError naming the operator that emitted a record that is not plain data. */
export function encodeInFlight(element: InFlightElement, { sourceUid }: ChannelAddress): Uint8Array {
  // Copied: an encoded value may be a view of a larger buffer, which it would keep.
  return encodeValue(element, { operatorUid: sourceUid, state: 'records under way' }).slice()
}

/** The content of a blob: what was under way to one task. The order of the runs is kept. */
export function encodeRuns(runs: readonly EncodedRun[]): Uint8Array {
  return encodeValue(runs, { operatorUid: 'checkpoint', state: 'records under way' })
}

export function decodeRuns(bytes: Uint8Array): InFlightRun[] {
  return (decodeValue(bytes) as EncodedRun[]).map((run) => ({
    ...run,
    elements: run.elements.map((element) => decodeValue(element) as InFlightElement),
  }))
}
