import type { Element } from '../model/elements.ts'
import { LIMITS } from '../model/limits.ts'

/** The ordered queue of elements from one task to another, in memory. */
export class Channel {
  /** Few: a full channel holds its sender back. So `shift` is cheap, and what was taken is garbage at once. */
  private readonly elements: Element[] = []
  private readonly onElement: () => void
  private readonly onRoom: () => void

  /** `onElement` is told of every element; `onRoom`, when a full channel has room again. */
  constructor(onElement: () => void, onRoom: () => void) {
    this.onElement = onElement
    this.onRoom = onRoom
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
    this.onElement()
  }

  take(): Element | undefined {
    const wasFull = this.isFull
    const element = this.elements.shift()
    if (wasFull && !this.isFull) this.onRoom()
    return element
  }
}
