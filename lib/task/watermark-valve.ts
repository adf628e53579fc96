import { MAX_WATERMARK, MIN_WATERMARK } from '../model/elements.ts'

/** What an element of a channel changes for the task. */
export interface ValveChange {
  /** The new watermark of the task, if it rose. */
  readonly watermarkMs: number | undefined
  /** The new status of the task, if it changed. */
  readonly idle: boolean | undefined
}

/** All that a valve knows. Plain data. */
export interface ValveProgress {
  readonly channelMs: readonly number[]
  readonly channelIdle: readonly boolean[]
  readonly currentMs: number
  readonly idle: boolean
}

const NOTHING: ValveChange = { watermarkMs: undefined, idle: undefined }

/**
 * The watermark of a task: the least over its channels. Left out are idle channels, and those whose event time has
 * ended: else one that ended would let event time end for others that are merely idle. When no channel is left, the
 * greatest watermark of the idle ones counts. It never goes back (invariant 10).
 */
export class WatermarkValve {
  private readonly channelMs: number[]
  private readonly channelIdle: boolean[]
  private currentMs: number
  private idle: boolean

  constructor(channels: number, restoredMs: number, progress?: ValveProgress) {
    this.channelMs = Array.from({ length: channels }, (_, i) => progress?.channelMs[i] ?? MIN_WATERMARK)
    this.channelIdle = Array.from({ length: channels }, (_, i) => progress?.channelIdle[i] ?? false)
    this.currentMs = progress?.currentMs ?? restoredMs
    this.idle = progress?.idle ?? false
  }

  get progress(): ValveProgress {
    const { currentMs, idle } = this
    return { channelMs: [...this.channelMs], channelIdle: [...this.channelIdle], currentMs, idle }
  }

  get watermarkMs(): number {
    return this.currentMs
  }

  onWatermark(channel: number, timestampMs: number): ValveChange {
    if (timestampMs <= this.channelMs[channel]!) return NOTHING
    this.channelMs[channel] = timestampMs
    return this.change()
  }

  onStatus(channel: number, idle: boolean): ValveChange {
    if (this.channelIdle[channel] === idle) return NOTHING
    this.channelIdle[channel] = idle
    return this.change()
  }

  private change(): ValveChange {
    let leastMs = MAX_WATERMARK
    let greatestIdleMs = MIN_WATERMARK
    let active = 0
    let idleChannels = 0
    for (let channel = 0; channel < this.channelMs.length; channel++) {
      const ms = this.channelMs[channel]!
      if (ms === MAX_WATERMARK) continue
      if (this.channelIdle[channel]) {
        idleChannels++
        if (ms > greatestIdleMs) greatestIdleMs = ms
      } else {
        active++
        if (ms < leastMs) leastMs = ms
      }
    }
    const idle = active === 0 && idleChannels > 0
    const nextMs = idle ? greatestIdleMs : leastMs
    const watermarkMs = nextMs > this.currentMs ? nextMs : undefined
    if (watermarkMs !== undefined) this.currentMs = watermarkMs
    const idleChange = idle === this.idle ? undefined : idle
    this.idle = idle
    return { watermarkMs, idle: idleChange }
  }
}
