import { expect, test } from 'vitest'
import { Channel } from '../../../lib/embedded/channel.ts'
import type { Element } from '../../../lib/model/elements.ts'
import { LIMITS } from '../../../lib/model/limits.ts'

const at = (timestampMs: number): Element => ({ kind: 'watermark', timestampMs })

test('gives every element once, in order, and tells when there is room again (invariant 3)', () => {
  let room = 0
  let woken = 0
  const channel = new Channel(
    () => woken++,
    () => room++,
  )
  for (let i = 0; i < LIMITS.channelBatches + 2; i++) channel.push(at(i))
  expect(channel.isFull).toBe(true)
  expect(woken).toBe(LIMITS.channelBatches + 2)
  for (let i = 0; i < 2; i++) expect(channel.take()).toEqual(at(i))
  expect(room).toBe(0)
  expect(channel.take()).toEqual(at(2))
  expect(room).toBe(1)
})

test('keeps nothing that was taken, however long its receiver never catches up (invariant 11)', () => {
  const channel = new Channel(
    () => {},
    () => {},
  )
  const taken: WeakRef<Element>[] = []
  channel.push(at(0))
  for (let i = 1; i <= 10_000; i++) {
    channel.push(at(i))
    const element = channel.take()!
    expect(element).toEqual(at(i - 1))
    taken.push(new WeakRef(element))
  }
  expect(channel.size).toBe(1)
  const held = Object.values(channel as object).filter((value): value is unknown[] => Array.isArray(value))
  for (const array of held) expect(array.length).toBeLessThan(200)
})
