import { messageOf, UserError } from '../model/faults.ts'
import {
  IngestGone,
  type IngestBatch,
  type IngestedRecord,
  type IngestLog,
  type IngestPage,
} from '../ports/ingest-log.ts'
import type { IngestSpec } from '../stream/ingest.ts'
import type { ReadStatus, SourceOutput, SourceReader, SourceReaderContext } from '../stream/source.ts'

/** How far a partition is read: everything up to `position`, and `index` records of the batch after it. */
export interface IngestSplit {
  readonly partition: number
  readonly position: number
  readonly index: number
  /** The attempt that began it from nothing, with what was kept. */
  readonly begunIn?: number | undefined
}

/** A partition that is being read. */
interface Cursor {
  readonly partition: number
  readonly begunIn: number | undefined
  position: number
  /** Records emitted of the batch that comes next. */
  index: number
  /** Read from the log, and not emitted. */
  readonly batches: IngestBatch[]
  /** What `batches` reach up to. */
  through: number
}

type Context = Pick<
  SourceReaderContext,
  'operatorUid' | 'subtaskIndex' | 'parallelism' | 'attempt' | 'ingest'
>

/** Reads the partitions of an ingest log in turn, a batch of one at a time. */
export class IngestReader implements SourceReader<unknown, IngestSplit> {
  private readonly kind: string
  private readonly spec: IngestSpec
  private readonly context: Context
  private readonly log: IngestLog
  private cursors: Cursor[] = []
  /** The cursor whose turn it is. */
  private turn = 0
  private place: string | undefined

  /** @throws UserError if the runtime has no front door. */
  constructor(kind: string, spec: IngestSpec, context: Context) {
    if (context.ingest === undefined) {
      throw new UserError(
        `${kind} source '${context.operatorUid}': expected a runtime that takes records in, got one that does not; run the job ` +
          'by `millrace run`, runJob(…) or a deployment, and give tests another source',
      )
    }
    this.kind = kind
    this.spec = spec
    this.context = context
    this.log = context.ingest
  }

  open(splits: readonly IngestSplit[]): void {
    const { subtaskIndex, parallelism, attempt } = this.context
    const known = new Set(splits.map(({ partition }) => partition))
    const added: IngestSplit[] = []
    // The source may have more partitions than when the checkpoint was taken.
    for (let partition = subtaskIndex; partition < this.spec.partitions; partition += parallelism) {
      if (!known.has(partition)) added.push({ partition, position: 0, index: 0 })
    }
    this.cursors = [...splits, ...added].map((split) => ({
      ...split,
      begunIn: split.begunIn ?? (split.position === 0 ? attempt : undefined),
      batches: [],
      through: split.position,
    }))
  }

  async read(out: SourceOutput<unknown>, recordsMax: number): Promise<ReadStatus> {
    for (let tries = 0; tries < this.cursors.length; tries++) {
      const cursor = this.cursors[this.turn]!
      if (cursor.batches.length > 0 || (await this.fetch(cursor))) {
        this.emit(cursor, out, recordsMax)
        if (cursor.batches.length === 0) this.passOn()
        return 'more'
      }
      this.passOn()
    }
    return 'wait'
  }

  snapshot(): readonly IngestSplit[] {
    return this.cursors.map(({ partition, position, index, begunIn }) => ({
      partition,
      position,
      index,
      ...(begunIn !== undefined && { begunIn }),
    }))
  }

  position(): string | undefined {
    return this.place
  }

  private passOn(): void {
    this.turn = (this.turn + 1) % this.cursors.length
  }

  /** Whether there is something to emit. */
  private async fetch(cursor: Cursor): Promise<boolean> {
    const { operatorUid } = this.context
    for (;;) {
      const page = await this.log
        .read(operatorUid, cursor.partition, cursor.position)
        .catch((cause: unknown) => {
          throw cause instanceof IngestGone ? this.gone(cursor, cause) : cause
        })
      if (cursor.index > 0 && !isBatchAfter(cursor, page)) {
        throw this.gone(cursor, new IngestGone(`records of position ${cursor.position + 1} were removed`))
      }
      cursor.batches.push(...page.batches)
      cursor.through = page.through
      if (cursor.batches.length > 0) return true
      // What was between is no record.
      cursor.position = Math.max(cursor.position, page.through)
      if (!page.more) return false
    }
  }

  private emit(cursor: Cursor, out: SourceOutput<unknown>, recordsMax: number): void {
    for (let count = 0; count < recordsMax && cursor.batches.length > 0; count++) {
      const { position, records } = cursor.batches[0]!
      const record = records[cursor.index]!
      this.place = `${this.context.operatorUid}#${cursor.partition}:${position}[${cursor.index}]`
      cursor.index++
      // The batch that `index` counts in is the first after `position`.
      cursor.position = position - 1
      if (cursor.index === records.length) {
        cursor.batches.shift()
        cursor.index = 0
        cursor.position = cursor.batches.length === 0 ? Math.max(cursor.through, position) : position
      }
      this.emitRecord(record, out)
    }
  }

  /** The edge has checked it already; but the job may have been deployed with another schema since. */
  private emitRecord({ id, body, refusal, rawAt }: IngestedRecord, out: SourceOutput<unknown>): void {
    let value: unknown
    try {
      if (refusal !== undefined) throw new Error(refusal)
      value = this.spec.accept(JSON.parse(body))
    } catch (cause) {
      if (cause instanceof UserError) throw cause
      out.deadLetter(`${this.place} (${id})`, messageOf(cause), body, rawAt)
      return
    }
    out.collect(value)
  }

  private gone({ partition, position, begunIn }: Cursor, cause: IngestGone): Error {
    const { operatorUid, attempt } = this.context
    const what =
      `${this.kind} source '${operatorUid}', partition ${partition}: what came in after position ${position} is not kept any ` +
      `more: ${cause.message}`
    // An earlier attempt had read it, and that it may be removed came late: what is kept now, a restart begins with.
    if (begunIn === attempt)
      return new Error(`${what}, since this attempt began. The next one begins with what is kept`, { cause })
    return new UserError(`${what}. Begin from a newer checkpoint, or from nothing`, { cause })
  }
}

/** Whether the batch that is emitted in part is still there, where anything is. One that is past its time counts as gone. */
function isBatchAfter({ position }: Cursor, { batches, through }: IngestPage): boolean {
  const [first] = batches
  return first === undefined ? through === position : first.position === position + 1
}
