import { describe, expect, it } from 'vitest'
import { chunks, inParallel } from '../../../lib/aws/in-parallel.ts'

/** Work that a test ends by hand. */
function byHand() {
  const begun: number[] = []
  const ends = new Map<number, (outcome: Error | string) => void>()
  const work = (item: number): Promise<string> => {
    begun.push(item)
    return new Promise((resolve, reject) => {
      ends.set(item, (outcome) => (typeof outcome === 'string' ? resolve(outcome) : reject(outcome)))
    })
  }
  const end = async (item: number, outcome: Error | string): Promise<void> => {
    ends.get(item)!(outcome)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { begun, work, end }
}

describe('inParallel', () => {
  it('has so many under way at once, and gives results in order', async () => {
    const { begun, work, end } = byHand()
    const all = inParallel([0, 1, 2, 3], 2, work)
    expect(begun).toEqual([0, 1])
    await end(1, 'b')
    expect(begun).toEqual([0, 1, 2])
    await end(2, 'c')
    await end(0, 'a')
    await end(3, 'd')
    expect(await all).toEqual(['a', 'b', 'c', 'd'])
  })

  it('begins nothing after a failure, and rejects once what was under way has ended', async () => {
    const { begun, work, end } = byHand()
    let isOver = false
    const all = inParallel([0, 1, 2, 3], 2, work).finally(() => (isOver = true))
    const outcome = all.catch((cause: unknown) => cause)
    await end(0, new Error('first'))
    expect([begun, isOver]).toEqual([[0, 1], false])
    await end(1, new Error('second'))
    expect(await outcome).toMatchObject({ message: 'first' })
    expect(begun).toEqual([0, 1])
  })

  it('gives nothing for nothing', async () => {
    expect(await inParallel([], 5, () => Promise.reject(new Error('nobody asks')))).toEqual([])
  })
})

describe('chunks', () => {
  it('cuts a list into pieces of at most so many', () => {
    expect(chunks([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]])
    expect(chunks([], 2)).toEqual([])
  })
})
