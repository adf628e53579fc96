import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OutsideQueue, QueueEntry } from '../../lib/ports/outside.ts'

export interface OutsideQueueHarness {
  readonly standard: OutsideQueue
  readonly fifo: OutsideQueue
  /** All that has arrived, in the order of its arrival. */
  received(queue: 'standard' | 'fifo'): Promise<readonly string[]>
  close(): Promise<void>
}

const entry = (body: string, group: string, deduplicationId: string): QueueEntry => ({
  body,
  group,
  deduplicationId,
})
const DONE = { type: 'done' }

/** What every {@link OutsideQueue} does. */
export function outsideQueueContract(subject: string, make: () => Promise<OutsideQueueHarness>): void {
  describe(`contract of outside queues: ${subject}`, () => {
    let harness: OutsideQueueHarness
    beforeEach(async () => {
      harness = await make()
    })
    afterEach(() => harness.close())

    test('sends up to ten entries, and answers for each', async () => {
      const entries = Array.from({ length: 10 }, (_, n): QueueEntry => ({ body: `水 "${n}"\n` }))
      expect(await harness.standard.send(entries)).toEqual(entries.map(() => DONE))
      expect((await harness.received('standard')).toSorted()).toEqual(entries.map(({ body }) => body))
    })

    test('keeps the order of a group, and swallows what has the same id', async () => {
      expect(await harness.fifo.send([entry('a1', 'a', '1'), entry('b1', 'b', '2')])).toEqual([DONE, DONE])
      expect(await harness.fifo.send([entry('a1', 'a', '1'), entry('a2', 'a', '3')])).toEqual([DONE, DONE])
      await harness.fifo.send([entry('a3', 'a', '4')])
      const received = await harness.received('fifo')
      expect(received.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
      expect(received).toHaveLength(4)
    })
  })
}

/** What a queue does that is not there. */
export async function expectRefusal(missing: OutsideQueue): Promise<void> {
  const refused = { type: 'refused', reason: expect.stringContaining('to exist') }
  expect(await missing.send([{ body: 'a' }, { body: 'b' }])).toEqual([refused, refused])
}
