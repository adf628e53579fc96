import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusalOf, Running, temporaryDirectory } from '../bad-input/support.ts'
import { ALIGNED_TIMEOUT_MS, backedUp, checkpointOf, EXPECTED, jobOf, KEYS, SlowSink } from './held-up.ts'

describe('with a sink that holds everything up', () => {
  test.each([
    ['at once', {}],
    ['after the aligned timeout', { alignedTimeout: ALIGNED_TIMEOUT_MS }],
  ])(
    'an unaligned checkpoint completes %s, and is gone on from exactly, at any parallelism',
    async (_, timeout) => {
      const directory = temporaryDirectory()
      const aligned = await checkpointOf({ directory: join(directory, 'aligned') })
      expect(aligned.isEarly).toBe(false)
      const one = await checkpointOf({ directory: join(directory, 'unaligned'), unaligned: true, ...timeout })
      expect(one.isEarly).toBe(true)
      for (const parallelism of [2, 1, 3]) {
        const slow = new SlowSink()
        slow.open()
        const job = jobOf(slow, { directory: join(directory, `restored ${parallelism}`), unaligned: true })
        const restored = await Running.start(job, { parallelism, from: one.path })
        expect((await restored.wait(restored.handle.result)).status).toBe('FINISHED')
        expect([...one.written, ...slow.written].toSorted()).toEqual(EXPECTED.toSorted())
        for (let key = 0; key < KEYS; key++) {
          const counts = slow.written
            .filter((text) => text.startsWith(`${key}: `))
            .map((text) => Number(text.slice(3)))
          expect(counts).toEqual(counts.toSorted((a, b) => a - b))
        }
      }
    },
  )

  test('a record under way that is not plain data fails the checkpoint, with the name of who emitted it', async () => {
    const slow = new SlowSink()
    const checkpointing = { directory: temporaryDirectory(), unaligned: true, tolerableFailures: 1 }
    const job = jobOf(slow, checkpointing, (n) => (n > 6_000 ? { fn: () => n } : {}))
    const running = await Running.start(job, { parallelism: 1 })
    await backedUp(running, slow, 1)
    const checkpoint = refusalOf(running.handle.triggerCheckpoint())
    slow.step()
    const message = await running.wait(checkpoint)
    expect(message).toContain("Operator 'numbers', state 'records under way': expected plain data")
    expect(running.handle.status).toBe('RUNNING')
    slow.lose()
  })
})
