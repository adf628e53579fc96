import type { ChainedOperator, JobVertex } from '../graph/plan.ts'
import type { Receiver } from '../operators/operator.ts'

/** Takes the records of an output nobody reads. */
const NOWHERE: Receiver = { record() {}, watermark() {}, status() {} }

/** An edge's writer, with the place in the chain that it leaves from. */
export interface ChainExit {
  readonly operator: number
  readonly tagId: string | undefined
  readonly writer: Receiver
}

/** What the chain needs to make one of its operators. */
export interface ChainLinks {
  readonly output: Receiver
  sideOutput(tagId: string): Receiver | undefined
}

/**
 * Makes the operators of a chain, tail first, each wired straight to those after it: passing a record on is one call.
 * Returns, in chain order, what takes the records of each.
 */
export function buildChain(
  vertex: JobVertex,
  exits: readonly ChainExit[],
  create: (operator: ChainedOperator, index: number, links: ChainLinks) => Receiver,
): Receiver[] {
  const built: Receiver[] = []
  for (let index = vertex.operators.length - 1; index >= 0; index--) {
    const receivers = (tagId: string | undefined): Receiver[] => [
      ...vertex.operators.flatMap((child, at) =>
        child.parent === index && child.parentTagId === tagId ? [built[at]!] : [],
      ),
      ...exits.filter((exit) => exit.operator === index && exit.tagId === tagId).map((exit) => exit.writer),
    ]
    built[index] = create(vertex.operators[index]!, index, links(receivers, sideTags(vertex, exits, index)))
  }
  return built
}

function links(receivers: (tagId: string | undefined) => Receiver[], tags: readonly string[]): ChainLinks {
  const main = joined(receivers(undefined))
  const sides = new Map(tags.map((tagId) => [tagId, joined(receivers(tagId))]))
  return {
    output: sides.size === 0 ? main : new MainOutput(main, [...sides.values()]),
    sideOutput: (tagId) => sides.get(tagId),
  }
}

function sideTags(vertex: JobVertex, exits: readonly ChainExit[], index: number): string[] {
  const tags = new Set<string>()
  for (const child of vertex.operators) {
    if (child.parent === index && child.parentTagId !== undefined) tags.add(child.parentTagId)
  }
  for (const exit of exits) {
    if (exit.operator === index && exit.tagId !== undefined) tags.add(exit.tagId)
  }
  return [...tags]
}

function joined(receivers: readonly Receiver[]): Receiver {
  if (receivers.length === 0) return NOWHERE
  return receivers.length === 1 ? receivers[0]! : new FanOut(receivers)
}

/** Gives everything to each of several receivers, in order. */
class FanOut implements Receiver {
  private readonly receivers: readonly Receiver[]

  constructor(receivers: readonly Receiver[]) {
    this.receivers = receivers
  }

  record(value: unknown, timestampMs: number): void {
    for (const receiver of this.receivers) receiver.record(value, timestampMs)
  }

  watermark(timestampMs: number): void {
    for (const receiver of this.receivers) receiver.watermark(timestampMs)
  }

  status(idle: boolean): void {
    for (const receiver of this.receivers) receiver.status(idle)
  }
}

/** Records go to the main output alone; watermarks and status reach the side outputs as well. */
class MainOutput implements Receiver {
  private readonly main: Receiver
  private readonly sides: readonly Receiver[]

  constructor(main: Receiver, sides: readonly Receiver[]) {
    this.main = main
    this.sides = sides
  }

  record(value: unknown, timestampMs: number): void {
    this.main.record(value, timestampMs)
  }

  watermark(timestampMs: number): void {
    this.main.watermark(timestampMs)
    for (const side of this.sides) side.watermark(timestampMs)
  }

  status(idle: boolean): void {
    this.main.status(idle)
    for (const side of this.sides) side.status(idle)
  }
}
