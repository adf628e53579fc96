import { describe, expect, it, vi } from 'vitest'
import { AwsFault } from '../../../lib/aws/aws-fault.ts'
import { Retrying } from '../../../lib/aws/retry.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import { quickRetrying, sdkError, THROTTLE } from './fakes.ts'

const REQUEST = { action: 'dynamodb:PutItem', resource: 'table "t"' }

describe('Retrying', () => {
  it('tries again after a throttle, waiting for a random part of a time that doubles', async () => {
    const { retrying, waits } = quickRetrying()
    let tries = 0
    const answer = await retrying.run(REQUEST, () => {
      if (++tries < 9) return Promise.reject(THROTTLE)
      return Promise.resolve('done')
    })
    expect(answer).toBe('done')
    // Half of 40, 80, … and of 2,000 at most.
    expect(waits).toEqual([20, 40, 80, 160, 320, 640, 1000, 1000])
  })

  it('gives up at some time where nothing ends the tries, and says how often it tried', async () => {
    const { retrying } = quickRetrying()
    const send = vi.fn<() => Promise<never>>(() => Promise.reject(sdkError('InternalServerError', 500)))
    await expect(retrying.run(REQUEST, send)).rejects.toThrow(
      'dynamodb:PutItem on table "t" failed, tried 16 times (InternalServerError: said so)',
    )
    expect(send).toHaveBeenCalledTimes(16)
  })

  it.each([
    ['AccessDeniedException', 400, 'permission'],
    ['ResourceNotFoundException', 400, 'missing'],
    ['ValidationException', 400, 'other'],
  ] as const)('tries once where trying again is no use: %s', async (name, status, problem) => {
    const { retrying } = quickRetrying()
    const send = vi.fn<() => Promise<never>>(() => Promise.reject(sdkError(name, status)))
    const fault = await retrying.run(REQUEST, send).catch((cause: unknown) => cause)
    expect(fault).toBeInstanceOf(AwsFault)
    expect((fault as AwsFault).problem).toBe(problem)
    expect(send).toHaveBeenCalledTimes(1)
  })

  it("lets a user's mistake through as it is", async () => {
    const mistake = new UserError('Expected MILLRACE_TABLE to be set')
    await expect(quickRetrying().retrying.run(REQUEST, () => Promise.reject(mistake))).rejects.toBe(mistake)
  })
})

/** Whatever can go on without time has. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** An invocation that ends at 10,000 ms. */
function invocation() {
  const clock = new ManualClock(0)
  const retrying = new Retrying({
    clock,
    random: { next: () => 0.5 },
    remainingMs: () => 10_000 - clock.now(),
  })
  return { clock, retrying }
}

describe('Retrying within an invocation', () => {
  it('stops trying while there is time to return messages', async () => {
    const { clock, retrying } = invocation()
    let tries = 0
    const outcome = retrying
      .run(REQUEST, () => {
        tries++
        return Promise.reject(THROTTLE)
      })
      .catch((cause: unknown) => cause)
    let isOver = false
    void outcome.then(() => (isOver = true))
    for (;;) {
      await settled()
      if (isOver) break
      clock.advanceTo(clock.nextCallMs!)
    }
    expect(await outcome).toMatchObject({ problem: 'retryable' })
    expect(clock.now()).toBeGreaterThan(5_000)
    expect(clock.now()).toBeLessThan(8_500)
    expect(tries).toBeGreaterThan(8)
  })

  it('waits for no answer beyond the end', async () => {
    const { clock, retrying } = invocation()
    const outcome = retrying.run(REQUEST, () => new Promise<never>(() => undefined))
    clock.advance(9_799)
    clock.advance(1)
    await expect(outcome).rejects.toThrow('no time left for an answer')
    expect(clock.nextCallMs).toBeUndefined()
  })

  it('asks nothing once it is as good as over', async () => {
    const { clock, retrying } = invocation()
    clock.advance(9_900)
    const send = vi.fn<() => Promise<string>>(() => Promise.resolve('done'))
    await expect(retrying.run(REQUEST, send)).rejects.toThrow('no time left for an answer')
    expect(send).not.toHaveBeenCalled()
  })

  it('leaves no timer behind when the answer comes', async () => {
    const { clock, retrying } = invocation()
    expect(await retrying.run(REQUEST, () => Promise.resolve('done'))).toBe('done')
    expect(clock.nextCallMs).toBeUndefined()
  })
})

describe('Retrying.drain', () => {
  it('sends again what was left over, and waits from the beginning whenever some went through', async () => {
    const { retrying, waits } = quickRetrying()
    const sent: number[][] = []
    const left = [[1, 2, 3, 4], [1, 2, 3, 4], [3, 4], [3, 4], []]
    await retrying.drain(REQUEST, [1, 2, 3, 4, 5], (items) => {
      sent.push([...items])
      return Promise.resolve(left[sent.length - 1]!)
    })
    expect(sent).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [3, 4],
      [3, 4],
    ])
    expect(waits).toEqual([20, 40, 20, 40])
  })

  it('sends nothing where there is nothing to send', async () => {
    const send = vi.fn<() => Promise<never[]>>(() => Promise.resolve([]))
    await quickRetrying().retrying.drain(REQUEST, [], send)
    expect(send).not.toHaveBeenCalled()
  })

  it('says what was not processed when it gives up', async () => {
    const { retrying } = quickRetrying()
    await expect(retrying.drain(REQUEST, [1, 2], (items) => Promise.resolve(items))).rejects.toThrow(
      'table "t" failed, tried 16 times (Error: 2 of 2 were not processed)',
    )
  })
})
