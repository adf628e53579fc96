import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  runJob,
  type JobDefinition,
  type JobEvent,
  type JobHandle,
  type RunOptions,
  type SplitSource,
} from 'millrace'
import { ManualClock } from 'millrace/testing'
import { onTestFinished } from 'vitest'

const PATIENCE_MS = 15_000

/** Waits for a condition, for as long as the machine needs. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const giveUpAtMs = performance.now() + PATIENCE_MS
  while (!holds()) {
    if (performance.now() > giveUpAtMs) throw new Error(`Waited ${PATIENCE_MS} ms for this: ${what}`)
    await setImmediate()
  }
}

/** A directory of the test's own, removed after it. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-example-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

type EventOf<Type extends JobEvent['type']> = Extract<JobEvent, { type: Type }>

export interface TestJobOptions extends RunOptions {
  /** For checkpoints, savepoints and dead letters. Default: a new one. */
  readonly directory?: string
}

/** A job under test: it runs as the example says, but for its directories and, unless given, a clock that stands still. */
export class TestJob {
  readonly handle: JobHandle
  readonly clock: ManualClock
  readonly directory: string
  readonly events: JobEvent[] = []
  readonly #taken = new Map<JobEvent['type'], number>()

  private constructor(handle: JobHandle, clock: ManualClock, directory: string) {
    this.handle = handle
    this.clock = clock
    this.directory = directory
    handle.onEvent((event) => this.events.push(event))
  }

  static async start(definition: JobDefinition, options: TestJobOptions = {}): Promise<TestJob> {
    const directory = options.directory ?? (await temporaryDirectory())
    const clock = new ManualClock()
    const handle = await runJob(definition, {
      clock,
      ...options,
      set: {
        'execution.checkpointing.dir': join(directory, 'checkpoints'),
        'execution.checkpointing.savepoint-dir': join(directory, 'savepoints'),
        'millrace.dead-letters.dir': join(directory, 'dead-letters'),
        'millrace.ingest.dir': join(directory, 'ingest'),
        ...options.set,
      },
    })
    onTestFinished(async () => void (await handle.cancel()))
    return new TestJob(handle, clock, directory)
  }

  eventsOf<Type extends JobEvent['type']>(type: Type): EventOf<Type>[] {
    return this.events.filter((event): event is EventOf<Type> => event.type === type)
  }

  /** The next event of a type that this method has not returned yet. */
  async next<Type extends JobEvent['type']>(type: Type): Promise<EventOf<Type>> {
    const taken = this.#taken.get(type) ?? 0
    await until(() => this.eventsOf(type).length > taken, `event ${taken + 1} of type ${type}`)
    this.#taken.set(type, taken + 1)
    return this.eventsOf(type)[taken]!
  }

  get checkpointsUnderWay(): number {
    const ended = this.eventsOf('checkpoint-completed').length + this.eventsOf('checkpoint-failed').length
    return this.eventsOf('checkpoint-triggered').length - ended
  }

  /** Waits until an operator has taken `records` records in the present attempt. */
  async taken(uid: string, records: number): Promise<void> {
    const count = (): number => this.#figures(uid)?.numRecordsIn ?? 0
    await until(() => count() >= records, `${uid} takes ${records} records`)
  }

  /** Keys that an operator has state of. */
  keys(uid: string): number | undefined {
    return this.#figures(uid)?.keys
  }

  /** The clock comes to the next periodic checkpoint; waits for its end. */
  async checkpoint(intervalMs: number): Promise<EventOf<'checkpoint-completed'>> {
    this.clock.advance(intervalMs)
    return this.next('checkpoint-completed')
  }

  /** Waits for the failure that comes, moves the clock over the delay of the restart, and waits for the new attempt. */
  async restart(): Promise<{ readonly delayMs: number; readonly restoredFrom: string | undefined }> {
    const { delayMs } = await this.next('restarting')
    const deployed = this.eventsOf('deployed').length
    this.clock.advance(delayMs)
    await until(() => this.eventsOf('deployed').length > deployed, 'the job is deployed again')
    return { delayMs, restoredFrom: this.eventsOf('deployed').at(-1)!.restoredFrom }
  }

  #figures(uid: string) {
    return this.handle.metrics().operators.find((operator) => operator.uid === uid)
  }
}

type Impulse<T> = { readonly value: T } | { readonly error: Error }

interface LogReader<T> {
  readonly impulses: Impulse<T>[]
  wakeUp(): void
}

/** A source that can be read again, as a message log can. Tests write it while the job reads. */
export class Log<T> {
  readonly #records: T[]
  readonly #readers = new Set<LogReader<T>>()
  #ended = false

  constructor(...records: T[]) {
    this.#records = records
  }

  get source(): SplitSource<T, { readonly index: number }> {
    return {
      type: 'splits',
      kind: 'log',
      bounded: false,
      parallelismMax: 1,
      enumerateSplits: () => [{ index: 0 }],
      createReader: (ctx) => {
        const reader: LogReader<T> = { impulses: [], wakeUp: () => ctx.wakeUp() }
        let index = 0
        return {
          open: (splits) => {
            index = splits[0]!.index
            this.#readers.add(reader)
          },
          read: (out, recordsMax) => {
            const end = Math.min(index + recordsMax, this.#records.length)
            while (index < end) out.collect(this.#records[index++]!)
            const impulse = reader.impulses.shift()
            if (impulse === undefined) return this.#ended && index === this.#records.length ? 'end' : 'wait'
            if ('error' in impulse) throw impulse.error
            out.collect(impulse.value)
            return 'more'
          },
          snapshot: () => [{ index }],
          close: () => void this.#readers.delete(reader),
        }
      },
    }
  }

  append(...records: readonly T[]): void {
    this.#records.push(...records)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Gives the reader a record that is not in the log: it does not come again after a restart. */
  once(value: T): void {
    this.#send({ value })
  }

  /** The reader throws, once. */
  crash(message = 'the power failed'): void {
    this.#send({ error: new Error(message) })
  }

  #send(impulse: Impulse<T>): void {
    for (const reader of this.#readers) reader.impulses.push(impulse)
    this.#wake()
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wakeUp()
  }
}

/** A TCP server for socket sources. */
export class LineServer {
  readonly port: number
  /** Every connection there has been. */
  readonly connections: Socket[] = []

  private constructor(port: number) {
    this.port = port
  }

  static async listen(): Promise<LineServer> {
    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const server = new LineServer((listener.address() as AddressInfo).port)
    listener.on('connection', (socket) => {
      socket.on('error', () => {})
      server.connections.push(socket)
    })
    onTestFinished(() => {
      for (const socket of server.connections) socket.destroy()
      listener.close()
    })
    return server
  }

  /** Waits for connection number `count`, from 1. */
  async connected(count: number): Promise<void> {
    await until(() => this.connections.length >= count, `connection ${count} to the socket`)
  }

  /** Sends lines over the newest connection. */
  send(...lines: readonly string[]): void {
    this.connections.at(-1)!.write(lines.map((line) => `${line}\n`).join(''))
  }

  hangUp(): void {
    this.connections.at(-1)!.end()
  }
}

/** Whether the backend's native part is there depends on the machine; where it is not, its tests cannot run. */
export const stateBackends = ['memory', 'filesystem', 'lmdb'] as const
