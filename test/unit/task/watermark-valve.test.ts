import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import { MAX_WATERMARK, MIN_WATERMARK } from '../../../lib/model/elements.ts'
import { WatermarkValve } from '../../../lib/task/watermark-valve.ts'

const NOTHING = { watermarkMs: undefined, idle: undefined }

describe('WatermarkValve', () => {
  test('waits for every channel, then gives the least', () => {
    const valve = new WatermarkValve(2, MIN_WATERMARK)
    expect(valve.onWatermark(0, 10)).toEqual(NOTHING)
    expect(valve.onWatermark(1, 5)).toEqual({ watermarkMs: 5, idle: undefined })
    expect(valve.onWatermark(1, 20)).toEqual({ watermarkMs: 10, idle: undefined })
    expect(valve.onWatermark(1, 15)).toEqual(NOTHING)
    expect(valve.watermarkMs).toBe(10)
  })

  test('leaves out idle channels until they are active again', () => {
    const valve = new WatermarkValve(2, MIN_WATERMARK)
    valve.onWatermark(0, 10)
    expect(valve.onStatus(1, true)).toEqual({ watermarkMs: 10, idle: undefined })
    expect(valve.onStatus(1, true)).toEqual(NOTHING)
    expect(valve.onStatus(1, false)).toEqual(NOTHING)
    expect(valve.onWatermark(0, 30)).toEqual(NOTHING)
    expect(valve.onWatermark(1, 20)).toEqual({ watermarkMs: 20, idle: undefined })
  })

  test('is idle when all channels are, at the greatest of their watermarks', () => {
    const valve = new WatermarkValve(2, MIN_WATERMARK)
    valve.onWatermark(0, 10)
    valve.onWatermark(1, 20)
    expect(valve.onStatus(0, true)).toEqual({ watermarkMs: 20, idle: undefined })
    expect(valve.onStatus(1, true)).toEqual({ watermarkMs: undefined, idle: true })
    expect(valve.onStatus(0, false)).toEqual({ watermarkMs: undefined, idle: false })
  })

  test('does not end event time for a channel that is only idle', () => {
    const valve = new WatermarkValve(2, MIN_WATERMARK)
    valve.onWatermark(0, 10)
    valve.onWatermark(1, 5)
    valve.onStatus(1, true)
    expect(valve.onWatermark(0, MAX_WATERMARK)).toEqual({ watermarkMs: undefined, idle: true })
    expect(valve.watermarkMs).toBe(10)
    expect(valve.onStatus(1, false)).toEqual({ watermarkMs: undefined, idle: false })
    expect(valve.onWatermark(1, 12)).toEqual({ watermarkMs: 12, idle: undefined })
    valve.onStatus(1, true)
    expect(valve.onWatermark(1, MAX_WATERMARK)).toEqual({ watermarkMs: MAX_WATERMARK, idle: false })
  })

  test('does not go back behind what was restored', () => {
    const valve = new WatermarkValve(2, 100)
    expect(valve.watermarkMs).toBe(100)
    valve.onWatermark(0, 50)
    expect(valve.onWatermark(1, 60)).toEqual(NOTHING)
    valve.onWatermark(0, 150)
    expect(valve.onWatermark(1, 120)).toEqual({ watermarkMs: 120, idle: undefined })
  })

  test('agrees with the least over active channels, and never goes back', () => {
    const step = fc.record({
      channel: fc.nat({ max: 2 }),
      change: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 50 }) },
        { weight: 2, arbitrary: fc.boolean() },
        { weight: 1, arbitrary: fc.constant(MAX_WATERMARK) },
      ),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step), (channels, steps) => {
        const valve = new WatermarkValve(channels, MIN_WATERMARK)
        const ms = Array.from({ length: channels }, () => MIN_WATERMARK)
        const idle = Array.from({ length: channels }, () => false)
        let emitted = MIN_WATERMARK
        let isIdle = false
        for (const { channel: any, change } of steps) {
          const channel = any % channels
          const before = valve.watermarkMs
          const result =
            typeof change === 'boolean' ? valve.onStatus(channel, change) : valve.onWatermark(channel, change)
          if (typeof change === 'boolean') idle[channel] = change
          else ms[channel] = Math.max(ms[channel]!, change)
          expect(result.watermarkMs === undefined || result.watermarkMs > before, 'rises').toBe(true)
          emitted = result.watermarkMs ?? emitted
          isIdle = result.idle ?? isIdle

          const going = ms.filter((one) => one !== MAX_WATERMARK)
          const active = ms.filter((one, index) => one !== MAX_WATERMARK && !idle[index])
          const naive =
            active.length > 0 ? Math.min(...active) : going.length > 0 ? Math.max(...going) : MAX_WATERMARK
          expect(emitted).toBe(Math.max(before, naive))
          expect(valve.watermarkMs).toBe(emitted)
          expect(isIdle).toBe(active.length === 0 && going.length > 0)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
