import type { IngestSpec } from '../stream/ingest.ts'
import type { Source, SplitSource } from '../stream/source.ts'
import { valueDecoder, type RecordSchema } from './decode.ts'
import { IngestReader, type IngestSplit } from './ingest-reader.ts'

/** What every source has whose records come in at the runtime's front door. */
export interface IngestOptions<T> {
  /**
   * What each record must be, and what it becomes. Any Standard Schema; synchronous. Default: any JSON value. Records are
   * checked where they come in, and again when they are read: one that a newer schema refuses goes to the dead letters.
   */
  readonly schema?: RecordSchema<T>
  /**
   * What a repeat of a record is known by: text of 1 to 256 characters, unlike that of any other record. A record whose id
   * came within the last five minutes (and among the last 20,000 of its partition) is not taken again.
   */
  readonly recordId?: (record: T) => string
  /**
   * Logs that the records are spread over, by id; each keeps its order, and is read by one subtask. More take more records
   * a second. It may be raised later. Default: 1.
   */
  readonly partitions?: number
  /** A longer record is refused. Bytes of UTF-8, at most 524288. Default: 262144. */
  readonly recordBytesMax?: number
}

const PARTITIONS_MAX = 256
/** One record always fits into a message, with all that goes with it. */
const RECORD_BYTES_LIMIT = 512 * 1024
const DEFAULT_RECORD_BYTES_MAX = 256 * 1024
const PORT_MAX = 65_535
/** Where the embedded runtime listens unless a source says otherwise. */
export const DEFAULT_ADDRESS: { readonly host: string; readonly port: number } = {
  host: '127.0.0.1',
  port: 8080,
}

/** Gathers what is wrong with options, to be told at once. */
export type Expect = (holds: boolean, name: string, expected: string, found: unknown) => void

export function expecting(kind: string, problems: string[]): Expect {
  return (holds, name, expected, found) => {
    if (!holds) problems.push(`${kind}: expected ${name} to be ${expected}, got ${JSON.stringify(found)}`)
  }
}

export function ingestSpec<T>(
  options: IngestOptions<T>,
  from: IngestSpec['from'],
  expect: Expect,
): IngestSpec {
  const { schema, recordId, partitions = 1, recordBytesMax = DEFAULT_RECORD_BYTES_MAX } = options
  expect(
    isWhole(partitions, 1, PARTITIONS_MAX),
    'partitions',
    `a whole number from 1 to ${PARTITIONS_MAX}`,
    partitions,
  )
  expect(
    isWhole(recordBytesMax, 1, RECORD_BYTES_LIMIT),
    'recordBytesMax',
    `a whole number from 1 to ${RECORD_BYTES_LIMIT}`,
    recordBytesMax,
  )
  return {
    from,
    partitions,
    recordBytesMax,
    accept: valueDecoder(schema),
    recordId: recordId as IngestSpec['recordId'],
  }
}

export function expectAddress(
  { host, port }: { readonly host: string; readonly port: number },
  expect: Expect,
): void {
  expect(host !== '', 'host', 'a host name or address', host)
  expect(isWhole(port, 0, PORT_MAX), 'port', `a whole number from 0 to ${PORT_MAX}`, port)
}

export function ingestSource<T>(kind: string, spec: IngestSpec): Source<T> {
  const source: SplitSource<unknown, IngestSplit> = {
    type: 'splits',
    kind,
    bounded: false,
    parallelismMax: spec.partitions,
    refusesRecords: true,
    ingest: spec,
    splitNumber: ({ partition }) => partition,
    enumerateSplits: () =>
      Array.from({ length: spec.partitions }, (_, partition) => ({ partition, position: 0, index: 0 })),
    createReader: (ctx) => new IngestReader(kind, spec, ctx),
  }
  return source as Source<T>
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
