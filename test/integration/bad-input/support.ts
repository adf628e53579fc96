import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as immediate } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { runJobIn } from '../../../lib/embedded/run-job.ts'
import { machine } from '../../../lib/embedded/world.ts'
import type { DiskFiles } from '../../../lib/embedded/disk-files.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import {
  defineJob,
  operatorListState,
  type OperatorListStateDescriptor,
  sourceFunction,
  transactionalCollect,
  type JobDefinition,
  type JobEvent,
  type JobHandle,
  type JobOptions,
  type RunOptions,
  UserError,
} from '../../../lib/index.ts'

/** A directory of the test's own, removed after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bad-input-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Every file below `directory` with its content, to see that nothing was written. */
export function contentsOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true }).map(String).toSorted()
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name)
      return [
        name,
        statSync(path).isDirectory() ? '' : createHash('sha256').update(readFileSync(path)).digest('hex'),
      ]
    }),
  )
}

/** Counts numbers by what they leave when divided by ten; the test feeds it. */
export class Counting {
  readonly sink = transactionalCollect<string>()
  readonly definition: JobDefinition
  readonly #fed: number[] = []

  constructor(options: Omit<JobOptions, 'name'> & { readonly name?: string }, uid = 'counts') {
    const fed = this.#fed
    let read = 0
    const source = sourceFunction<number, { read: OperatorListStateDescriptor<number> }>({
      operatorState: { read: operatorListState<number>() },
      initializeState({ operatorState }) {
        read = operatorState.read.get()[0] ?? 0
      },
      poll(ctx) {
        while (read < fed.length) ctx.collect(fed[read++]!)
        return { waitUntilMs: ctx.now() + 1 }
      },
      snapshotState({ operatorState }) {
        operatorState.read.update([read])
      },
    })
    this.definition = defineJob({ name: 'counting', ...options }, (env) => {
      env
        .source('numbers', source)
        .keyBy((n) => n % 10)
        .flatMapWithState(uid, (n: number, count: number | undefined) => [
          [`${n}: ${(count ?? 0) + 1}`],
          (count ?? 0) + 1,
        ])
        .sinkTo('out', this.sink)
    })
  }

  feed(...numbers: number[]): void {
    this.#fed.push(...numbers)
  }
}

/** A job under test, on a clock that the test moves. */
export class Running {
  readonly handle: JobHandle
  readonly clock: ManualClock
  readonly events: JobEvent[] = []

  private constructor(handle: JobHandle, clock: ManualClock) {
    this.handle = handle
    this.clock = clock
    handle.onEvent((event) => this.events.push(event))
  }

  static async start(
    definition: JobDefinition,
    options: RunOptions & { readonly files?: DiskFiles } = {},
  ): Promise<Running> {
    const clock = new ManualClock(1_000)
    const { files = machine.files, ...rest } = options
    const handle = await runJobIn({ ...machine, files }, definition, { clock, ...rest })
    onTestFinished(async () => void (await handle.cancel()))
    const running = new Running(handle, clock)
    await running.until(() => handle.status !== 'CREATED')
    return running
  }

  async until(holds: () => boolean): Promise<void> {
    const giveUpAtMs = performance.now() + 15_000
    while (!holds()) {
      if (performance.now() > giveUpAtMs) throw new Error(`waited in vain: ${JSON.stringify(this.events)}`)
      await immediate()
      this.clock.advance(1)
    }
  }

  /** Takes what is fed, up to `records` in all. */
  async untilRead(records: number): Promise<void> {
    await this.until(() => this.handle.metrics().operators[0]!.numRecordsOut >= records)
  }

  /** Waits for a promise while time goes on. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    void promise.then(
      () => (settled = true),
      () => (settled = true),
    )
    await this.until(() => settled)
    return promise
  }

  /** The suspended job's last checkpoint. */
  async suspend(): Promise<string> {
    const { lastCheckpoint } = await this.wait(this.handle.suspend())
    return lastCheckpoint!.path
  }
}

/** The message of the UserError that `promise` rejects with. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (cause) {
    if (cause instanceof UserError) return cause.message
    throw cause
  }
  throw new Error('Expected it to be refused')
}
