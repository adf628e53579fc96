import { connect, type Socket } from 'node:net'
import { messageOf, UserError } from '../model/faults.ts'
import type { ReadStatus, SourceOutput, SourceReader, SourceReaderContext } from '../stream/source.ts'
import type { Decode } from './decode.ts'
import { DelimitedLines, type DelimitedLinesOptions } from './delimited-lines.ts'

export interface SocketReaderOptions extends DelimitedLinesOptions {
  readonly host: string
  readonly port: number
  readonly maxRetries: number
  readonly retryDelayMs: number
  readonly bufferBytesMax: number
  readonly decode: Decode<string, unknown>
}

/** There is nothing to know about a socket but that it is still to be read. */
export type SocketSplit = Readonly<Record<never, never>>

type Connection =
  | { readonly status: 'none'; readonly dialAtMs: number }
  | { readonly status: 'open'; readonly socket: Socket }
  | { readonly status: 'lost'; readonly error: Error | undefined; readonly everConnected: boolean }
  | { readonly status: 'ended' }

export class SocketReader implements SourceReader<unknown, SocketSplit> {
  private readonly options: SocketReaderOptions
  private readonly context: Pick<SourceReaderContext, 'now' | 'wakeUp'>
  private readonly lines: DelimitedLines
  private readonly address: string
  private connection: Connection = { status: 'ended' }
  /** Connections lost in a row without having brought anything. */
  private retries = 0
  private lineNumber = 0

  constructor(options: SocketReaderOptions, context: Pick<SourceReaderContext, 'now' | 'wakeUp'>) {
    this.options = options
    this.context = context
    this.lines = new DelimitedLines(options)
    this.address = `${options.host}:${options.port}`
  }

  open(splits: readonly SocketSplit[]): void {
    if (splits.length > 0) this.connection = { status: 'none', dialAtMs: this.context.now() }
  }

  read(out: SourceOutput<unknown>, recordsMax: number): ReadStatus {
    for (let count = 0; count < recordsMax; count++) {
      const line = this.lines.take()
      if (line === undefined) return this.statusWithoutLines()
      this.lineNumber++
      if (line.defect === undefined) this.emit(out, line.text)
      else out.deadLetter(this.position(), line.defect, line.text)
    }
    return 'more'
  }

  snapshot(): readonly SocketSplit[] {
    return this.connection.status === 'ended' ? [] : [{}]
  }

  position(): string {
    return `${this.address}:${this.lineNumber}`
  }

  close(): void {
    const { connection } = this
    this.connection = { status: 'ended' }
    if (connection.status === 'open') connection.socket.destroy()
  }

  private emit(out: SourceOutput<unknown>, line: string): void {
    let value: unknown
    try {
      value = this.options.decode(line)
    } catch (cause) {
      if (cause instanceof UserError) throw cause
      out.deadLetter(this.position(), messageOf(cause), line)
      return
    }
    out.collect(value)
  }

  private statusWithoutLines(): ReadStatus {
    const { connection } = this
    switch (connection.status) {
      case 'open':
        connection.socket.resume()
        return 'wait'
      case 'none': {
        const { dialAtMs } = connection
        if (this.context.now() < dialAtMs) return { waitUntilMs: dialAtMs }
        this.dial()
        return 'wait'
      }
      case 'lost':
        return this.afterLoss(connection)
      case 'ended':
        return 'end'
    }
  }

  private afterLoss({ error, everConnected }: Extract<Connection, { status: 'lost' }>): ReadStatus {
    const { maxRetries, retryDelayMs } = this.options
    if (this.retries < maxRetries) {
      this.retries++
      const dialAtMs = this.context.now() + retryDelayMs
      this.connection = { status: 'none', dialAtMs }
      return { waitUntilMs: dialAtMs }
    }
    this.connection = { status: 'ended' }
    if (error === undefined) return 'end'
    const doing = everConnected ? 'lost the connection to' : 'cannot connect to'
    const hint = everConnected ? '' : '. Expected a server that listens there before the job starts'
    throw new UserError(`socketText: ${doing} ${this.address}: ${messageOf(error)}${hint}`, { cause: error })
  }

  private dial(): void {
    const { host, port } = this.options
    const socket = connect({ host, port })
    let error: Error | undefined
    let everConnected = false
    this.connection = { status: 'open', socket }
    socket.on('connect', () => {
      everConnected = true
    })
    socket.on('data', (chunk: Buffer) => {
      this.retries = 0
      this.lines.push(chunk)
      if (this.lines.bufferedBytes > this.options.bufferBytesMax) socket.pause()
      this.context.wakeUp()
    })
    socket.on('error', (cause) => {
      error = cause
    })
    socket.on('close', () => {
      if (this.connection.status === 'ended') return
      this.lines.end(error !== undefined)
      this.connection = { status: 'lost', error, everConnected }
      this.context.wakeUp()
    })
  }
}
