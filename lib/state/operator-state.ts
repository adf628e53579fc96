import type { OperatorListStateDescriptor, ListState } from '../stream/state.ts'

/**
 * Operator state of one operator in one subtask, encoded: by name, a list of items (each encoded on its own, so that
 * they can be dealt to other subtasks), and how they are dealt.
 */
export interface OperatorStateSnapshot {
  readonly [name: string]: {
    readonly redistribution: 'split' | 'union' | 'broadcast'
    readonly items: readonly Uint8Array[]
  }
}

/** Operator state while a task runs. */
export interface OperatorStateBackend {
  /** The list under `name`; the same list at every call. */
  list<T>(name: string, descriptor: OperatorListStateDescriptor<T>): ListState<T>
  /** Encodes every list. */
  snapshot(): OperatorStateSnapshot
}
