import type { Operation, PortName } from './faults.ts'

/** What AWS bills, by what it bills for. */
export interface AwsUnits {
  /** Requests to a FIFO queue: each 64 KB of payload counts as one. */
  readonly fifoRequests: number
  /** Requests to a standard queue, in the same way. */
  readonly standardRequests: number
  /** DynamoDB: 1 KB written, begun. A write whose condition failed costs the same. */
  readonly writeUnits: number
  /** DynamoDB: 4 KB read with strong consistency, begun. */
  readonly readUnits: number
  /** S3: PUT and LIST. */
  readonly s3Puts: number
  readonly s3Gets: number
}

const NO_UNITS: AwsUnits = {
  fifoRequests: 0,
  standardRequests: 0,
  writeUnits: 0,
  readUnits: 0,
  s3Puts: 0,
  s3Gets: 0,
}

export interface CallCount {
  readonly port: PortName
  readonly name: string
  readonly calls: number
  readonly units: AwsUnits
}

/** Counts what is asked of the world, by port and request. Requests that were refused before they had an effect do not count. */
export class CallLedger {
  readonly #counts = new Map<string, CallCount>()

  count(operation: Pick<Operation, 'port' | 'name'>, units: Partial<AwsUnits>): void {
    const { port, name } = operation
    const key = `${port}.${name}`
    const before = this.#counts.get(key) ?? { port, name, calls: 0, units: NO_UNITS }
    this.#counts.set(key, { port, name, calls: before.calls + 1, units: addUnits(before.units, units) })
  }

  /** Calls of one request, as `turn-log.append`; of all requests of a port, as `turn-log`; or of all there are. */
  calls(of?: PortName | `${PortName}.${string}`): number {
    return this.#matching(of).reduce((sum, count) => sum + count.calls, 0)
  }

  /** As {@link calls}. */
  units(of?: PortName | `${PortName}.${string}`): AwsUnits {
    return this.#matching(of).reduce((sum, count) => addUnits(sum, count.units), NO_UNITS)
  }

  /** Everything counted, by name. */
  counts(): readonly CallCount[] {
    return this.#matching(undefined)
  }

  /** Begins anew: what was counted before is given back. */
  reset(): readonly CallCount[] {
    const counts = this.counts()
    this.#counts.clear()
    return counts
  }

  #matching(of: string | undefined): CallCount[] {
    return [...this.#counts.values()]
      .filter(({ port, name }) => of === undefined || of === port || of === `${port}.${name}`)
      .toSorted((a, b) => (`${a.port}.${a.name}` < `${b.port}.${b.name}` ? -1 : 1))
  }
}

function addUnits(a: AwsUnits, b: Partial<AwsUnits>): AwsUnits {
  return {
    fifoRequests: a.fifoRequests + (b.fifoRequests ?? 0),
    standardRequests: a.standardRequests + (b.standardRequests ?? 0),
    writeUnits: a.writeUnits + (b.writeUnits ?? 0),
    readUnits: a.readUnits + (b.readUnits ?? 0),
    s3Puts: a.s3Puts + (b.s3Puts ?? 0),
    s3Gets: a.s3Gets + (b.s3Gets ?? 0),
  }
}

const SQS_CHUNK_BYTES = 64 * 1024
const WRITE_UNIT_BYTES = 1024
const READ_UNIT_BYTES = 4096

/** Requests that a call to SQS counts as. */
export const sqsRequests = (payloadBytes: number): number =>
  Math.max(1, Math.ceil(payloadBytes / SQS_CHUNK_BYTES))

/** Units of writing one item of that size. */
export const writeUnitsOf = (itemBytes: number): number =>
  Math.max(1, Math.ceil(itemBytes / WRITE_UNIT_BYTES))

/** Units of reading that much with strong consistency: one item, or all that one query found. */
export const readUnitsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES))

/** What binary becomes in a message. */
export const base64Bytes = (bytes: number): number => 4 * Math.ceil(bytes / 3)
