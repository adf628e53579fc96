import type { OperatorListStateDescriptor, ListState } from '../stream/state.ts'
import { decodeValue, encodeValue } from './codec.ts'

/**
 * Operator state of one operator in one subtask, encoded: by name, a list of items (each encoded on its own, so that
 * they can be dealt to other subtasks), and how they are dealt.
 */
export interface OperatorStateSnapshot {
  readonly [name: string]: OperatorListSnapshot
}

export interface OperatorListSnapshot {
  readonly redistribution: 'split' | 'union' | 'broadcast'
  readonly items: readonly Uint8Array[]
}

/** Operator state while a task runs. */
export interface OperatorStateBackend {
  /** The list under `name`; the same list at every call. */
  list<T>(name: string, descriptor: OperatorListStateDescriptor<T>): ListState<T>
  /** Names of restored lists that nobody asked for. */
  unclaimed(): string[]
  /** Encodes every list that was asked for. */
  snapshot(): OperatorStateSnapshot
}

/** Operator state on the heap. It is small: offsets, splits, open transactions. */
export class HeapOperatorState implements OperatorStateBackend {
  readonly #operatorUid: string
  readonly #restored: OperatorStateSnapshot
  readonly #lists = new Map<
    string,
    { readonly list: OperatorList<unknown>; readonly redistribution: 'split' | 'union' }
  >()

  constructor(restored: OperatorStateSnapshot = {}, operatorUid = '') {
    this.#restored = restored
    this.#operatorUid = operatorUid
  }

  list<T>(name: string, descriptor: OperatorListStateDescriptor<T>): ListState<T> {
    let entry = this.#lists.get(name)
    if (entry === undefined) {
      const items = Object.hasOwn(this.#restored, name) ? this.#restored[name]!.items : []
      entry = { list: new OperatorList(items.map(decodeValue)), redistribution: descriptor.redistribution }
      this.#lists.set(name, entry)
    }
    return entry.list as OperatorList<T>
  }

  unclaimed(): string[] {
    return Object.keys(this.#restored).filter((name) => !this.#lists.has(name))
  }

  snapshot(): OperatorStateSnapshot {
    const snapshot: Record<string, OperatorListSnapshot> = {}
    for (const [name, { list, redistribution }] of this.#lists) {
      const site = { operatorUid: this.#operatorUid, state: name }
      // Copied: an encoded value may be a view of a larger buffer, which it would keep.
      const items = list.get().map((item) => encodeValue(item, site).slice())
      snapshot[name] = { redistribution, items }
    }
    return snapshot
  }
}

class OperatorList<T> implements ListState<T> {
  #items: T[]

  constructor(items: unknown[]) {
    this.#items = items as T[]
  }

  get(): readonly T[] {
    return this.#items.slice()
  }

  add(value: T): void {
    this.#items.push(value)
  }

  addAll(values: Iterable<T>): void {
    for (const value of values) this.#items.push(value)
  }

  update(values: Iterable<T>): void {
    this.#items = [...values]
  }

  clear(): void {
    this.#items = []
  }
}

/**
 * Deals the operator state of one operator, by old subtask, to `newParallelism` subtasks. As in Flink, split lists
 * stay where they are if the parallelism does; otherwise their items are dealt round-robin in the order of the old
 * subtasks. Every subtask gets all items of a union list. Of broadcast state subtask i takes the copy of old
 * subtask i, modulo their number.
 */
export function redistributeOperatorState(
  perOldSubtask: readonly OperatorStateSnapshot[],
  newParallelism: number,
): OperatorStateSnapshot[] {
  const names = new Set(perOldSubtask.flatMap((snapshot) => Object.keys(snapshot)))
  const dealt: Record<string, OperatorListSnapshot>[] = Array.from({ length: newParallelism }, () => ({}))
  for (const name of names) {
    const lists = perOldSubtask.map((snapshot) => snapshot[name])
    const { redistribution } = lists.find((list) => list !== undefined)!
    dealt.forEach((snapshot, subtask) => {
      snapshot[name] = { redistribution, items: itemsFor(subtask, newParallelism, redistribution, lists) }
    })
  }
  return dealt
}

function itemsFor(
  subtask: number,
  parallelism: number,
  redistribution: OperatorListSnapshot['redistribution'],
  lists: readonly (OperatorListSnapshot | undefined)[],
): readonly Uint8Array[] {
  const isRescaled = lists.length !== parallelism
  if (redistribution === 'broadcast' || (redistribution === 'split' && !isRescaled)) {
    return lists[subtask % lists.length]?.items ?? []
  }
  const all = lists.flatMap((list) => list?.items ?? [])
  return redistribution === 'union' ? all : all.filter((_, i) => i % parallelism === subtask)
}
