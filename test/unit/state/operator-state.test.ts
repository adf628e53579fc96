import { describe, expect, test } from 'vitest'
import { decodeValue } from '../../../lib/state/codec.ts'
import {
  HeapOperatorState,
  redistributeOperatorState,
  type OperatorStateSnapshot,
} from '../../../lib/state/operator-state.ts'
import { operatorListState } from '../../../lib/stream/state.ts'

const split = operatorListState<number>()
const union = operatorListState<number>({ redistribution: 'union' })

function holding(name: string, items: readonly number[], descriptor = split): OperatorStateSnapshot {
  const backend = new HeapOperatorState()
  backend.list(name, descriptor).update(items)
  return backend.snapshot()
}

const itemsOf = (snapshots: readonly OperatorStateSnapshot[], name: string): unknown[][] =>
  snapshots.map((snapshot) => snapshot[name]!.items.map(decodeValue))

describe('operator state', () => {
  test('gives the same list at every call', () => {
    const backend = new HeapOperatorState()
    backend.list('a', split).add(1)
    backend.list('a', split).addAll([2, 3])
    expect(backend.list('a', split).get()).toEqual([1, 2, 3])
    backend.list('a', split).clear()
    expect(backend.list('a', split).get()).toEqual([])
  })

  test('a list that was read does not change afterwards', () => {
    const list = new HeapOperatorState().list('a', split)
    list.add(1)
    const read = list.get()
    list.add(2)
    expect(read).toEqual([1])
  })

  test('restores what it wrote', () => {
    const restored = new HeapOperatorState(holding('a', [1, 2]))
    expect(restored.list('a', split).get()).toEqual([1, 2])
  })

  test('names restored lists that nobody asks for, and does not keep them', () => {
    const restored = new HeapOperatorState(holding('a', [1, 2]))
    restored.list('b', split).add(3)
    expect(restored.unclaimed()).toEqual(['a'])
    expect(Object.keys(restored.snapshot())).toEqual(['b'])
  })

  test('names operator and state of a value that is not plain data', () => {
    const backend = new HeapOperatorState({}, 'source')
    backend.list('splits', operatorListState<unknown>()).add(() => 1)
    expect(() => backend.snapshot()).toThrow("Operator 'source', state 'splits'")
  })
})

describe('redistribution', () => {
  test('deals split lists round-robin, in the order of the old subtasks', () => {
    const old = [holding('a', [0, 1]), holding('a', [2]), holding('a', [3, 4])]
    expect(itemsOf(redistributeOperatorState(old, 2), 'a')).toEqual([
      [0, 2, 4],
      [1, 3],
    ])
  })

  test('leaves split lists where they are at the same parallelism', () => {
    const old = [holding('a', [0, 1, 2]), holding('a', [])]
    expect(itemsOf(redistributeOperatorState(old, 2), 'a')).toEqual([[0, 1, 2], []])
  })

  test('gives union lists to all, at any parallelism', () => {
    const old = [holding('a', [0, 1], union), holding('a', [2], union)]
    for (const parallelism of [1, 2, 3]) {
      const dealt = redistributeOperatorState(old, parallelism)
      expect(itemsOf(dealt, 'a')).toEqual(Array.from({ length: parallelism }, () => [0, 1, 2]))
    }
  })

  test('hands on copies of broadcast state', () => {
    const old = [1, 2].map((copy) => ({
      rules: { redistribution: 'broadcast' as const, items: holding('a', [copy])['a']!.items },
    }))
    expect(itemsOf(redistributeOperatorState(old, 3), 'rules')).toEqual([[1], [2], [1]])
  })

  test('takes a list that only some subtasks have', () => {
    const old = [holding('a', [1]), holding('b', [2])]
    expect(itemsOf(redistributeOperatorState(old, 1), 'a')).toEqual([[1]])
  })
})
