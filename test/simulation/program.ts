import type { Chance } from './chance.ts'

/** What flows through every stream of a random job. */
export interface Item {
  readonly key: string
  readonly n: number
  readonly v: number
  readonly ts: number
}

type StatelessType = 'map' | 'filter' | 'flat-map' | 'rebalance' | 'broadcast'
type KeyedType = 'reduce' | 'pairs' | 'count' | 'map-with-state' | 'buckets' | 'window'

interface Placement {
  /** Undefined: the job's, which may change between two lives. */
  readonly parallelism: number | undefined
  readonly chaining: 'always' | 'head' | 'never'
}

/** One operator, with the streams it reads by the index of who makes them. */
export type Node = Placement &
  (
    | {
        readonly type: 'source'
        readonly form: 'splits' | 'function'
        readonly splits: readonly (readonly Item[])[]
      }
    | { readonly type: StatelessType; readonly input: number }
    | { readonly type: 'union'; readonly inputs: readonly number[] }
    | { readonly type: KeyedType; readonly input: number; readonly size: number }
    /** The side output of `input`, which is of type buckets. */
    | { readonly type: 'odd'; readonly input: number }
    | { readonly type: 'sink'; readonly input: number; readonly form: 'transactional' | 'writer' | 'upsert' }
  )

/** A job as plain data. */
export interface Program {
  readonly nodes: readonly Node[]
  /** How far a record's timestamp may be from the rise of time. */
  readonly jitterMs: number
}

/** What is sure about a stream whatever the interleaving. */
export interface StreamTraits {
  /** The records of a key come in one order. */
  readonly ordered: boolean
  /** Records have the event time that they tell. */
  readonly timed: boolean
  /** No operator before it has state. */
  readonly stateless: boolean
}

const STEP_MS = 10
const KEYED: readonly KeyedType[] = ['reduce', 'pairs', 'count', 'map-with-state', 'buckets', 'window']

export function randomProgram(chance: Chance, maxParallelism: number): Program {
  const jitterMs = chance.pick([0, 5, 40])
  const nodes: Node[] = []
  const add = (node: Omit<Node, keyof Placement>, fixed = chance.chance(0.3)): number => {
    const parallelism = fixed ? chance.int(1, Math.min(3, maxParallelism)) : undefined
    nodes.push({ ...node, parallelism, chaining: chance.pick(['always', 'always', 'head', 'never']) } as Node)
    return nodes.length - 1
  }
  const sources = chance.int(1, 2)
  const total = chance.magnitude(5, 300)
  for (let source = 0; source < sources; source++) {
    const splits = Array.from({ length: chance.int(1, 4) }, (_, split) =>
      randomItems(chance, `${source}${split}`, Math.ceil(total / sources / 2), jitterMs),
    )
    const form = chance.pick(['splits', 'splits', 'function'] as const)
    add({ type: 'source', form, splits } as never)
    // The subtasks of a source function share its variables.
    if (form === 'function') nodes.push({ ...nodes.pop()!, parallelism: 1 })
  }
  const operators = chance.int(1, 7)
  for (let i = 0; i < operators; i++) {
    const traits = traitsOf(nodes)
    const input = chance.pick(streams(nodes))
    const other = chance.pick(streams(nodes))
    const { ordered, timed } = traits[input]!
    const choices: (StatelessType | KeyedType | 'union')[] = ['map', 'filter', 'flat-map', 'rebalance']
    if (input !== other) choices.push('union', 'union')
    choices.push('broadcast')
    for (const type of KEYED) {
      const needsOrder = type !== 'count' && type !== 'buckets' && type !== 'window'
      const needsTime = type === 'buckets' || type === 'window'
      if ((ordered || !needsOrder) && (timed || !needsTime)) choices.push(type, type)
    }
    const type = chance.pick(choices)
    if (type === 'union') add({ type, inputs: [input, other] } as never)
    else add({ type, input, size: chance.pick([7, 30, 200]) } as never, type === 'broadcast' || undefined)
    if (type === 'buckets' && chance.chance(0.7)) {
      const { parallelism, chaining } = nodes.at(-1)!
      nodes.push({ type: 'odd', input: nodes.length - 1, parallelism, chaining })
    }
  }
  const unread = streams(nodes).filter((stream) => !nodes.some((node) => inputsOf(node).includes(stream)))
  for (const input of unread) add({ type: 'sink', form: 'transactional', input } as never)
  for (let i = chance.int(0, 2); i > 0; i--) {
    const form = chance.pick(['transactional', 'writer'] as const)
    add({ type: 'sink', form, input: chance.pick(streams(nodes)) } as never)
  }
  return { nodes, jitterMs }
}

/** By chance with a sink that keeps the last record of each key, of a stream in which they come in one order. */
export function withUpsert(program: Program, chance: Chance): Program {
  if (!chance.chance(0.25)) return program
  const { nodes } = program
  const traits = traitsOf(nodes)
  const input = chance.pick(streams(nodes).filter((stream) => traits[stream]!.ordered))
  const { parallelism, chaining } = nodes[input]!
  return { ...program, nodes: [...nodes, { type: 'sink', form: 'upsert', input, parallelism, chaining }] }
}

/** As it is without. */
export function withoutUpsert(program: Program): Program {
  return { ...program, nodes: program.nodes.filter((node) => node.type !== 'sink' || node.form !== 'upsert') }
}

function inputsOf(node: Node): readonly number[] {
  if (node.type === 'source') return []
  return node.type === 'union' ? node.inputs : [node.input]
}

function streams(nodes: readonly Node[]): number[] {
  return nodes.flatMap((node, index) => (node.type === 'sink' ? [] : [index]))
}

/** By stream; of a sink, what it gets. */
export function traitsOf(nodes: readonly Node[]): StreamTraits[] {
  const traits: StreamTraits[] = []
  for (const node of nodes) {
    if (node.type === 'source') traits.push({ ordered: true, timed: true, stateless: true })
    else if (node.type === 'union') {
      const all = node.inputs.map((input) => traits[input]!)
      traits.push({
        ordered: all.every((one, i) => one.ordered && keepsOrder(nodes[node.inputs[i]!]!, node)),
        timed: all.every((one) => one.timed),
        stateless: all.every((one) => one.stateless),
      })
    } else if (node.type === 'odd') traits.push(traits[inputsOf(nodes[node.input]!)[0]!]!)
    else traits.push(traitsAfter(node, nodes[node.input]!, traits[node.input]!))
  }
  return traits
}

function traitsAfter(
  node: Exclude<Node, { type: 'source' | 'union' | 'odd' }>,
  sender: Node,
  input: StreamTraits,
): StreamTraits {
  switch (node.type) {
    case 'map':
    case 'filter':
    case 'flat-map':
    case 'sink':
      return { ...input, ordered: input.ordered && keepsOrder(sender, node) }
    case 'rebalance':
      return { ...input, ordered: input.ordered && node.parallelism === 1 }
    case 'broadcast':
      return { ...input, ordered: false }
    case 'count':
      return { ordered: false, timed: false, stateless: false }
    case 'buckets':
    case 'window':
      return { ordered: true, timed: true, stateless: false }
    case 'reduce':
    case 'pairs':
    case 'map-with-state':
      return { ...input, stateless: false }
  }
}

/** Operators of one parallelism pass records on one to one; else they are dealt to all. */
function keepsOrder(sender: Node, receiver: Node): boolean {
  return receiver.parallelism === 1 || sender.parallelism === receiver.parallelism
}

function randomItems(chance: Chance, prefix: string, most: number, jitterMs: number): Item[] {
  const keys = chance.int(1, 6)
  return Array.from({ length: chance.int(0, most) }, (_, n) => ({
    key: `${prefix}${'abcdef'[chance.int(0, keys - 1)]!}`,
    n,
    v: chance.int(0, 96),
    ts: 1_000 + n * STEP_MS + chance.int(-jitterMs, jitterMs),
  }))
}

/** When the items up to the `n`th of every split may have come. */
export function riseOf(item: Item): number {
  return 1_000 + item.n * STEP_MS
}
