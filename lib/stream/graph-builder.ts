import { UserError } from '../model/faults.ts'
import type { StatelessOptions } from './operator-options.ts'
import type { KeySelector, OperatorSpec, StreamEdge, StreamGraph, StreamNode } from './operator-spec.ts'

/** One end that a stream can be read from; a stream made by `union` has several. */
export type Outlet = Omit<StreamEdge, 'inputIndex'>

export interface NewOperator {
  readonly spec: OperatorSpec
  readonly inputs: readonly Outlet[]
  readonly options: StatelessOptions
  readonly keySelector?: KeySelector
}

/** Collects the operators of one job while its function runs. */
export class GraphBuilder {
  readonly #nodes: StreamNode[] = []
  #finished = false

  /** Adds an operator and returns its main output. */
  add({ spec, inputs, options, keySelector }: NewOperator): Outlet {
    if (this.#finished) {
      throw new UserError(
        `${options.uid ?? spec.type}: added after the job's function returned; add every operator before it does`,
      )
    }
    const node: StreamNode = Object.freeze({
      id: this.#nodes.length,
      uid: options.uid,
      name: options.name ?? options.uid ?? spec.type,
      spec,
      inputs: inputs.map((outlet) => ({ ...outlet, inputIndex: 0 })),
      keySelector,
      parallelism: options.parallelism,
      maxParallelism: options.maxParallelism,
      chaining: options.chaining ?? 'always',
      resources: options.resources,
    })
    this.#nodes.push(node)
    return { from: node, tagId: undefined, partitioning: 'default' }
  }

  /** The graph; nothing can be added any more. */
  finish(): StreamGraph {
    this.#finished = true
    return { nodes: this.#nodes }
  }
}
