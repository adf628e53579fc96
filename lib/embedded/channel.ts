import type { Element } from '../model/elements.ts'
import { LIMITS } from '../model/limits.ts'

interface Recording {
  readonly checkpointId: number
  readonly onElement: (element: Element) => void
  readonly onBarrier: () => void
}

/** The ordered queue of elements from one task to another, in memory. */
export class Channel {
  /** Few: a full channel holds its sender back. So `shift` is cheap, and what was taken is garbage at once. */
  private readonly elements: Element[] = []
  private readonly onElement: () => void
  private readonly onRoom: () => void
  /** Of the last barrier that was pushed. */
  private lastBarrierId = 0
  private recording: Recording | undefined
  private taken = 0

  /** `onElement` is told of every element; `onRoom`, when a full channel has room again. */
  constructor(onElement: () => void, onRoom: () => void) {
    this.onElement = onElement
    this.onRoom = onRoom
  }

  /** Elements that its receiver has taken so far. */
  get takenCount(): number {
    return this.taken
  }

  get size(): number {
    return this.elements.length
  }

  /** Its sender holds back while this is true; what the sender has in hand is taken all the same. */
  get isFull(): boolean {
    return this.size >= LIMITS.channelBatches
  }

  push(element: Element): void {
    this.elements.push(element)
    if (element.kind === 'barrier') this.pass(element.checkpointId)
    else this.recording?.onElement(element)
    this.onElement()
  }

  take(): Element | undefined {
    const wasFull = this.isFull
    const element = this.elements.shift()
    if (element !== undefined) this.taken++
    if (wasFull && !this.isFull) this.onRoom()
    return element
  }

  /**
   * Tells `onElement` of everything between here and barrier `checkpointId`: what waits now, and what its sender still
   * sends before that barrier; then, once, `onBarrier`. The channel itself goes on as ever. A barrier of a later
   * checkpoint tells that its sender gave this one up. Ends a recording before it.
   */
  record(checkpointId: number, onElement: (element: Element) => void, onBarrier: () => void): void {
    this.recording = undefined
    const end = this.elements.findIndex((one) => one.kind === 'barrier' && one.checkpointId >= checkpointId)
    // What waits behind a barrier that was taken is not of the checkpoint.
    if (end === -1 && this.lastBarrierId >= checkpointId) return onBarrier()
    const waiting = end === -1 ? this.elements : this.elements.slice(0, end)
    for (const element of waiting) if (element.kind !== 'barrier') onElement(element)
    if (end !== -1) return onBarrier()
    this.recording = { checkpointId, onElement, onBarrier }
  }

  stopRecording(): void {
    this.recording = undefined
  }

  private pass(barrierId: number): void {
    this.lastBarrierId = barrierId
    const { recording } = this
    if (recording === undefined || barrierId < recording.checkpointId) return
    this.recording = undefined
    recording.onBarrier()
  }
}
