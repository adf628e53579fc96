import { expect, test } from 'vitest'
import { persist, PERSISTENCE, type Try } from '../../../lib/connectors/persist.ts'
import { sendAll } from '../../../lib/connectors/queue-send.ts'
import { httpPost } from '../../../lib/index.ts'
import { PlatformFault } from '../../../lib/ports/platform-fault.ts'
import { MemoryOutside } from '../../world/memory-outside.ts'
import { writerOf } from './sink-context.ts'

const again: Try = { type: 'again', reason: 'throttled' }

/** A world in which each call takes `callMs` of an invocation's time, and each pause its own. */
function hurried(remainingMs: number, callMs: number): MemoryOutside {
  const outside = new MemoryOutside()
  outside.before = () => void (remainingMs -= callMs)
  outside.paused = (ms) => void (remainingMs -= ms)
  outside.remainingMs = () => remainingMs
  return outside
}

test('what is not available for long is a fault of the platform that passes: no failure of the job', async () => {
  const outside = new MemoryOutside()
  const trying = persist('cannot write', outside, PERSISTENCE, async () => again)
  await expect(trying).rejects.toThrow('cannot write: gave up after 6 attempts: throttled')
  await expect(trying).rejects.toBeInstanceOf(PlatformFault)
  await expect(trying).rejects.toMatchObject({ passes: true })
})

test('no pause is begun that leaves no time to end the invocation', async () => {
  const outside = hurried(3_150, 0)
  let tries = 0
  const trying = persist('cannot write', outside, PERSISTENCE, async () => {
    tries++
    return again
  })
  await expect(trying).rejects.toThrow('cannot write: no time left in this invocation: throttled')
  await expect(trying).rejects.toBeInstanceOf(PlatformFault)
  expect(tries).toBe(2)
  expect(outside.remainingMs()).toBeGreaterThan(3_000)
})

test('nor is a call, where many are to be made', async () => {
  const outside = hurried(5_000, 500)
  const entries = Array.from({ length: 100 }, (_, n) => ({ body: `${n}`, group: 'all' }))
  const sending = sendAll('cannot send', outside.queue('q.fifo'), entries, outside)
  await expect(sending).rejects.toThrow('cannot send: no time left in this invocation')
  expect(outside.bodies('q.fifo')).toEqual(['0', '1', '2', '3'])
})

test('a server is waited for no longer than there is time', async () => {
  const outside = hurried(4_000, 0)
  await writerOf(httpPost({ url: 'https://example.com/' }), { outside }).write(['a'], [])
  expect(outside.posts[0]!.timeoutMs).toBe(3_000)
})
