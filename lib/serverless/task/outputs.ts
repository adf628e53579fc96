import type { Element } from '../../model/elements.ts'
import { UserError } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import type { ElementsPayload } from '../protocol.ts'
import type { Outgoing } from '../actor/behaviour.ts'
import { pack } from '../actor/packing.ts'
import type { TaskWiring } from './task-wiring.ts'

/** What a task sends in one turn: for each receiver, in order, the elements of one edge as long as the edge is the same. */
export class Outputs {
  readonly #wiring: TaskWiring
  #payloads: { readonly to: ActorId; readonly edge: number; readonly elements: Element[] }[] = []
  readonly #last = new Map<ActorId, { readonly edge: number; readonly elements: Element[] }>()

  constructor(wiring: TaskWiring) {
    this.#wiring = wiring
  }

  send(edge: number, subtask: number, element: Element): void {
    const to = this.#wiring.receiverOf(edge, subtask)
    const last = this.#last.get(to)
    if (last?.edge === edge) {
      last.elements.push(element)
      return
    }
    const payload = { to, edge, elements: [element] }
    this.#payloads.push(payload)
    this.#last.set(to, payload)
  }

  /** Hands over what was sent since the last call. */
  take(): Outgoing[] {
    const taken = this.#payloads.map(({ to, edge, elements }): Outgoing => {
      const payload: ElementsPayload = { type: 'elements', edge, elements }
      return { to, payload }
    })
    this.#payloads = []
    this.#last.clear()
    return taken
  }
}

/** Packed by the task, where what cannot be packed is the mistake of the operator that emitted it. */
export function packed(outgoing: readonly Outgoing[], name: string): Outgoing[] {
  return outgoing.map((one) => {
    try {
      return { ...one, packed: { bytes: pack(one.payload) } }
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause
      throw new UserError(`What '${name}' emits has to reach another process: ${cause.message}`, { cause })
    }
  })
}
