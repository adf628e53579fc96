/** A record as it was accepted: it is durable, and stays until every retained checkpoint is past it. */
export interface IngestedRecord {
  /** What a repeat of it is known by. */
  readonly id: string
  /** As it was sent: JSON text. Of a record that was refused, at most what dead letters keep. */
  readonly body: string
  /** Why it cannot be a record of its source; undefined if it can. */
  readonly refusal: string | undefined
  /** Where all of a refused record is, if `body` is cut. */
  readonly rawAt?: string | undefined
  /** When it was accepted, epoch milliseconds. */
  readonly receivedAtMs: number
}

/** What one turn of an ingest partition accepted: never empty. */
export interface IngestBatch {
  readonly position: number
  readonly records: readonly IngestedRecord[]
}

export interface IngestPage {
  /** By ascending position. */
  readonly batches: readonly IngestBatch[]
  /** Everything up to this position is in `batches`, or is no record: read on from there. */
  readonly through: number
  /** There is more after `through` already. */
  readonly more: boolean
}

/** The logs of the ingest partitions of a job's sources: what came in by HTTP or from a queue, in order, to be read again. */
export interface IngestLog {
  /**
   * What a partition accepted after the position `after`; 0: from the oldest that is kept. All that was accepted before the
   * call began, in pages of about 1 MB. A reader that comes to the end waits: it is woken when more is accepted.
   * @throws IngestGone if what follows `after` was removed.
   */
  read(sourceUid: string, partition: number, after: number): Promise<IngestPage>
}

/** What is to be read is not kept any more: it was below every retained checkpoint, or older than the log keeps records. */
export class IngestGone extends Error {
  override readonly name: string = 'IngestGone'
}
