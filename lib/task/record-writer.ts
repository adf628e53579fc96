import { type Element } from '../model/elements.ts'
import { messageOf, OperatorFault, type CalledStage } from '../model/faults.ts'
import { keyGroupOf } from '../model/key-hash.ts'
import { subtaskOfKeyGroup } from '../model/key-groups.ts'
import { LIMITS } from '../model/limits.ts'
import type { Receiver } from '../operators/operator.ts'
import type { JobEdge } from '../graph/plan.ts'

/** Where a task's outputs go: one call a batch or marker, in channel order. */
export type SendElement = (edgeIndex: number, targetSubtask: number, element: Element) => void

/** Chooses the channel of a record. */
type Selector = (value: unknown, timestampMs: number) => number

interface OpenBatch {
  values: unknown[]
  timestamps: number[]
}

/** The end of a chain on one edge: gathers records into batches by channel, and puts markers between them. */
export class RecordWriter implements Receiver {
  private readonly edgeIndex: number
  /** The first channel of this writer: a forward edge has one, that of the same subtask. */
  private readonly firstTarget: number
  private readonly send: SendElement
  private readonly select: Selector | 'broadcast' | undefined
  private readonly turns: Turns
  private readonly open: OpenBatch[]

  constructor(edge: JobEdge, origin: WriterOrigin, send: SendElement) {
    this.edgeIndex = edge.index
    this.send = send
    const forward = edge.partitioning === 'forward'
    this.firstTarget = forward ? origin.subtaskIndex : 0
    const channels = forward ? 1 : origin.targetParallelism
    this.turns = { next: origin.subtaskIndex % Math.max(1, origin.targetParallelism) }
    this.select = channels === 1 ? undefined : selectorOf(edge, origin, this.turns)
    this.open = Array.from({ length: channels }, emptyBatch)
  }

  /** Whose turn it is, where records are dealt in turn. */
  get nextTarget(): number {
    return this.turns.next
  }

  /** Goes on where another instance of this writer was. */
  resume(nextTarget: number): void {
    this.turns.next = nextTarget
  }

  record(value: unknown, timestampMs: number): void {
    const { select } = this
    if (select === undefined) this.append(0, value, timestampMs)
    else if (select !== 'broadcast') this.append(select(value, timestampMs), value, timestampMs)
    else for (let channel = 0; channel < this.open.length; channel++) this.append(channel, value, timestampMs)
  }

  watermark(timestampMs: number): void {
    this.toAll({ kind: 'watermark', timestampMs })
  }

  status(idle: boolean): void {
    this.toAll({ kind: 'status', idle })
  }

  /** Sends what is gathered, then `element`, on every channel. */
  toAll(element: Element): void {
    this.flush()
    for (let channel = 0; channel < this.open.length; channel++) {
      this.send(this.edgeIndex, this.firstTarget + channel, element)
    }
  }

  flush(): void {
    for (let channel = 0; channel < this.open.length; channel++) this.cut(channel)
  }

  private append(channel: number, value: unknown, timestampMs: number): void {
    const batch = this.open[channel]!
    batch.values.push(value)
    if (batch.timestamps.push(timestampMs) >= LIMITS.batchRecords) this.cut(channel)
  }

  private cut(channel: number): void {
    const { values, timestamps } = this.open[channel]!
    if (values.length === 0) return
    this.open[channel] = emptyBatch()
    this.send(this.edgeIndex, this.firstTarget + channel, { kind: 'records', values, timestamps })
  }
}

interface Turns {
  next: number
}

/** Which task an edge leaves from. */
export interface WriterOrigin {
  readonly operatorUid: string
  readonly operatorName: string
  readonly subtaskIndex: number
  readonly targetParallelism: number
  readonly targetMaxParallelism: number
}

function emptyBatch(): OpenBatch {
  return { values: [], timestamps: [] }
}

/** What the writer of an edge with a key calls. */
export function calledBy({ targetUid, inputIndex }: JobEdge): CalledStage {
  return { stage: 'key', targetUid, inputIndex }
}

function selectorOf(edge: JobEdge, origin: WriterOrigin, turns: Turns): Selector | 'broadcast' {
  const { targetParallelism, targetMaxParallelism } = origin
  switch (edge.partitioning) {
    case 'broadcast':
      return 'broadcast'
    case 'hash': {
      const keySelector = edge.keySelector!
      return (value, timestampMs) => {
        try {
          return subtaskOfKeyGroup(
            targetMaxParallelism,
            targetParallelism,
            keyGroupOf(keySelector(value), targetMaxParallelism),
          )
        } catch (cause) {
          const { operatorUid, operatorName, subtaskIndex } = origin
          throw new OperatorFault(
            { operatorUid, operatorName, subtaskIndex },
            new Error(`keyBy: ${messageOf(cause)}`, { cause }),
            'fatal',
            { ...calledBy(edge), value, timestampMs },
          )
        }
      }
    }
    case 'rebalance':
    case 'forward':
      return () => {
        const channel = turns.next
        turns.next = channel + 1 === targetParallelism ? 0 : channel + 1
        return channel
      }
  }
}
