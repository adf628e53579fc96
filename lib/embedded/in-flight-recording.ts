import {
  encodeInFlight,
  type ChannelAddress,
  type EncodedRun,
  type InFlightElement,
  type InFlightRun,
} from '../checkpoint/in-flight-elements.ts'
import type { Channel } from './channel.ts'

/** A channel, as its receiver has it. */
export interface InputChannel {
  readonly channel: Channel
  readonly address: ChannelAddress
}

/** What was under way to a task at its checkpoint. */
export interface RecordedInFlight {
  readonly runs: readonly EncodedRun[]
  readonly records: number
}

/**
 * Records what is under way to one task, from when it takes an unaligned checkpoint until all its senders have: between
 * what the task had consumed at its barrier and what each of them had sent at its own (invariant 4, consistent cut).
 */
export class InFlightRecording {
  /** Resolves to undefined if it was cancelled; rejects if something is not plain data. */
  readonly recorded: Promise<RecordedInFlight | undefined>
  private readonly inputs: readonly InputChannel[]
  private readonly runs: (ChannelAddress & { readonly elements: Uint8Array[] })[] = []
  private records = 0
  private channelsLeft: number
  private settle!: (recorded: RecordedInFlight | undefined) => void
  private reject!: (cause: unknown) => void

  /** `left`: what an earlier checkpoint gave to the task, and it has not taken yet. All of it comes before the channels. */
  constructor(checkpointId: number, inputs: readonly InputChannel[], left: readonly InFlightRun[]) {
    this.inputs = inputs
    this.channelsLeft = inputs.length
    this.recorded = new Promise((resolve, reject) => {
      this.settle = resolve
      this.reject = reject
    })
    // Whoever made it may only come to it later.
    this.recorded.catch(() => {})
    for (const { elements, ...address } of left) {
      const keep = this.runOf(address)
      for (const element of elements) keep(element)
    }
    for (const { channel, address } of inputs) {
      const keep = this.runOf(address)
      channel.record(
        checkpointId,
        (element) => {
          if (element.kind === 'records' || element.kind === 'watermark') keep(element)
        },
        () => this.onBarrier(),
      )
    }
    if (inputs.length === 0) this.finish()
  }

  /** Nobody waits for the checkpoint any more. */
  cancel(): void {
    for (const { channel } of this.inputs) channel.stopRecording()
    this.settle(undefined)
  }

  private runOf(address: ChannelAddress): (element: InFlightElement) => void {
    const elements: Uint8Array[] = []
    this.runs.push({ ...address, elements })
    return (element) => {
      try {
        elements.push(encodeInFlight(element, address))
      } catch (cause) {
        // The mistake of who made the record: it must not meet the task that sends it now.
        for (const { channel } of this.inputs) channel.stopRecording()
        this.reject(cause)
        return
      }
      if (element.kind === 'records') this.records += element.values.length
    }
  }

  private onBarrier(): void {
    this.channelsLeft--
    if (this.channelsLeft === 0) this.finish()
  }

  private finish(): void {
    const runs = this.runs.filter(({ elements }) => elements.length > 0)
    this.settle({ runs, records: this.records })
  }
}
