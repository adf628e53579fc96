/**
 * How records of a source get in that cannot be read again where they come from: the runtime takes them at its front door,
 * makes them durable in a log of the source's own, and the source reads that log.
 */
export interface IngestSpec {
  readonly from: IngestOrigin
  /** Logs that the records are spread over; each keeps its order. */
  readonly partitions: number
  /** A longer record is refused. Bytes of UTF-8. */
  readonly recordBytesMax: number
  /** The record that a JSON value becomes. Throws why it cannot be one; a UserError ends the job. */
  readonly accept: (value: unknown) => unknown
  /** What a repeat of a record is known by, where the record says so itself. */
  readonly recordId: ((record: unknown) => string) | undefined
}

export type IngestOrigin =
  | {
      readonly type: 'http'
      /** Where the embedded runtime listens. Port 0: any that is free. */
      readonly host: string
      readonly port: number
    }
  | {
      readonly type: 'sqs'
      /** Name or ARN of the user's queue. */
      readonly queue: string
      /** What takes the place of the queue in the embedded runtime; undefined: the job does not run there. */
      readonly standIn: { readonly host: string; readonly port: number } | undefined
    }
