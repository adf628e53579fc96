import {
  defineJob,
  operatorListState,
  sourceFunction,
  type JobDefinition,
  type JobOptions,
  type OperatorListStateDescriptor,
  type WriterSink,
} from '../../../lib/index.ts'
import { Running } from '../bad-input/support.ts'

// A job whose sink holds everything up, so that much is under way.

const RECORDS = 40_000
export const KEYS = 7
export const ALIGNED_TIMEOUT_MS = 5

/** A sink that waits with every batch until its test lets it go on. What it holds when its process ends is lost. */
export class SlowSink {
  readonly written: string[] = []
  #isOpen = false
  #isLost = false
  #waiting: (() => void)[] = []

  readonly sink: WriterSink<string> = {
    type: 'writer',
    kind: 'slow',
    createWriter: () => ({
      write: async (values) => {
        if (!this.#isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve))
        if (!this.#isLost) this.written.push(...values)
      },
    }),
  }

  /** Subtasks that are at a batch. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Every subtask writes the batch that it is at. */
  step(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  open(): void {
    this.#isOpen = true
    this.step()
  }

  lose(): void {
    this.#isLost = true
    this.open()
  }
}

/** Counts by key, with channels before the counts and before the sink. */
export function jobOf(
  slow: SlowSink,
  checkpointing: NonNullable<JobOptions['checkpointing']>,
  extra: (n: number) => object = () => ({}),
): JobDefinition {
  let next = 0
  const source = sourceFunction<{ n: number }, { next: OperatorListStateDescriptor<number> }>({
    bounded: true,
    operatorState: { next: operatorListState<number>() },
    initializeState({ operatorState }) {
      next = operatorState.next.get()[0] ?? 0
    },
    poll(ctx) {
      for (let i = 0; i < 500 && next < RECORDS; i++) {
        ctx.collect({ n: next, ...extra(next) })
        next++
      }
      return next < RECORDS ? 'more' : 'end'
    },
    snapshotState({ operatorState }) {
      operatorState.next.update([next])
    },
  })
  const options = { interval: '1 h', retentionOnCancel: 'retain', ...checkpointing } as const
  return defineJob({ name: 'slow', checkpointing: options }, (env) => {
    env
      .source('numbers', source, { parallelism: 1 })
      .keyBy(({ n }) => n % KEYS)
      .flatMapWithState('count', ({ n }, count: number | undefined) => [
        [`${n % KEYS}: ${(count ?? 0) + 1}`],
        (count ?? 0) + 1,
      ])
      .sinkTo('out', slow.sink, { chaining: 'never' })
  })
}

/** Every count of every key, once. */
export const EXPECTED = Array.from({ length: RECORDS }, (_, n) => `${n % KEYS}: ${Math.floor(n / KEYS) + 1}`)

/** Until every subtask of the sink waits, and all before it waits for them. */
export async function backedUp(running: Running, slow: SlowSink, sinks: number): Promise<void> {
  let last = -1
  let still = 0
  await running.until(() => {
    const { operators } = running.handle.metrics()
    const moved = operators.reduce((sum, one) => sum + one.numRecordsIn + one.numRecordsOut, 0)
    still = moved === last ? still + 1 : 0
    last = moved
    return slow.waiting === sinks && still > 20
  })
}

export interface Taken {
  /** Whether it was complete before the sinks had written what waited for them. */
  readonly isEarly: boolean
  readonly path: string
  /** What was written before it. */
  readonly written: readonly string[]
}

/** A checkpoint while everything waits for the sinks, which then write one batch each. */
export async function checkpointOf(checkpointing: NonNullable<JobOptions['checkpointing']>): Promise<Taken> {
  const slow = new SlowSink()
  const running = await Running.start(jobOf(slow, checkpointing), { parallelism: 2 })
  await backedUp(running, slow, 2)
  const checkpoint = running.handle.triggerCheckpoint()
  let isDone = false
  void checkpoint.then(() => (isDone = true))
  running.clock.advance(ALIGNED_TIMEOUT_MS)
  slow.step()
  if (checkpointing.unaligned === true) await running.wait(checkpoint)
  // Barriers that wait behind full channels come to nothing, however long one looks.
  else for (let look = 0; look < 20; look++) await backedUp(running, slow, 2)
  const isEarly = isDone
  if (isEarly) slow.lose()
  else slow.open()
  const { path } = await running.wait(checkpoint)
  await running.wait(running.handle.cancel())
  return { isEarly, path, written: slow.written }
}
