import { durationMs, type Duration } from '../model/durations.ts'
import { UserError } from '../model/faults.ts'
import type { Source, SplitSource } from '../stream/source.ts'
import type { TextEncoding } from './block.ts'
import { lineDecoder, type LineDecoding, type LineParse, type LineSchema } from './decode.ts'
import { SocketReader, type SocketSplit } from './socket-reader.ts'

export interface SocketTextOptions {
  readonly host: string
  readonly port: number
  /** What ends a line. Default: `\n`, and then a `\r` before it is dropped. */
  readonly delimiter?: string
  /** How many times in a row a connection that brought nothing is dialled again. `Infinity`: for ever. Default: 0. */
  readonly maxRetries?: number
  /** Between two attempts. Default: 500 ms. */
  readonly retryDelay?: Duration
  /** Default: `utf8`. A line that is not valid UTF-8 goes to the dead letters. */
  readonly encoding?: TextEncoding
  /** A longer line goes to the dead letters. Bytes. Default: 1 MiB. */
  readonly lineBytesMax?: number
  /** More than this is left to the sender to hold back. Bytes. Default: 1 MiB. */
  readonly bufferBytesMax?: number
}

const MEBIBYTE = 1_048_576

/**
 * Lines of text from a TCP server, as Flink's `socketTextStream`: for trying things out (`nc -lk 9999`). With `parse`
 * or `schema`, what these make of a line; one they refuse goes to the dead letters. Ends when the server closes the
 * connection and the retries are used up; what came after the last delimiter is then a line too. A connection that
 * cannot be made, or breaks, fails the job in the same case.
 *
 * Order: as received; parallelism 1. Delivery: at-most-once across a restart. A socket cannot be read again, so
 * what was received after the last checkpoint is lost when the job restarts.
 */
export function socketText<T>(options: SocketTextOptions & LineSchema<T>): Source<T>
export function socketText<T>(options: SocketTextOptions & LineParse<T>): Source<T>
export function socketText(options: SocketTextOptions): Source<string>
export function socketText(options: SocketTextOptions & LineDecoding): Source<unknown> {
  const { host, port, delimiter = '\n', maxRetries = 0, retryDelay = 500, encoding = 'utf8' } = options
  const { lineBytesMax = MEBIBYTE, bufferBytesMax = MEBIBYTE } = options
  const problems: string[] = []
  const expect = (holds: boolean, name: string, expected: string, found: unknown): void => {
    if (!holds) problems.push(`socketText: expected ${name} to be ${expected}, got ${JSON.stringify(found)}`)
  }
  expect(host !== '', 'host', 'a host name or address', host)
  expect(Number.isInteger(port) && port > 0 && port < 65_536, 'port', 'a whole number from 1 to 65535', port)
  expect(delimiter !== '', 'delimiter', 'at least one character', delimiter)
  expect(maxRetries >= 0, 'maxRetries', 'at least 0, or Infinity', maxRetries)
  expect(lineBytesMax > 0, 'lineBytesMax', 'above 0', lineBytesMax)
  expect(bufferBytesMax > 0, 'bufferBytesMax', 'above 0', bufferBytesMax)
  if (problems.length > 0) throw new UserError(problems)
  const reading = {
    host,
    port,
    delimiter,
    maxRetries,
    encoding,
    lineBytesMax,
    bufferBytesMax,
    retryDelayMs: durationMs(retryDelay, 'socketText: retryDelay'),
    decode: lineDecoder(options),
  }
  const source: SplitSource<unknown, SocketSplit> = {
    type: 'splits',
    refusesRecords: true,
    kind: 'socketText',
    bounded: false,
    machineBound: 'a connection that stays open',
    parallelismMax: 1,
    enumerateSplits: () => [{}],
    createReader: (ctx) => new SocketReader(reading, ctx),
  }
  return source
}
