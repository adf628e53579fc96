import { COORDINATOR } from '../../lib/model/actors.ts'
import type { JobPlan } from '../../lib/graph/plan.ts'
import { encodeRequest } from '../../lib/serverless/actor/envelope.ts'
import { createHandlers, type JobHandlers } from '../../lib/serverless/handlers.ts'
import type { JobHappening, JobObserver } from '../../lib/serverless/observe.ts'
import type { JobRequest } from '../../lib/serverless/protocol.ts'
import { relayWakeUps } from '../../lib/serverless/relay/relay-wake-ups.ts'
import type { JobRuntime, MessageHandler } from '../../lib/serverless/runtime.ts'
import type { JobConfig } from '../../lib/stream/config.ts'
import type { ManualClock } from '../../lib/testing/manual-clock.ts'
import { SeededRandom } from '../../lib/testing/seeded-random.ts'
import type { CallLedger } from './call-ledger.ts'
import { NO_FAULTS, type Faults } from './faults.ts'
import type { DelayQueue } from './memory-delay-queue.ts'
import type { MemoryWorld } from './memory-world.ts'

const TICK_MS = 60_000
/** What a request to the world takes of virtual time. */
const TRIP_MS = 50
const INVOCATION_MS = 30_000

export interface LocalPlatformOptions {
  readonly world: MemoryWorld
  readonly clock: ManualClock
  readonly plan: JobPlan
  readonly config: JobConfig
  readonly ledger?: CallLedger
  readonly faults?: Faults
}

/**
 * What AWS does for a job, one thing at a time and without faults: receives messages, calls the handlers, deletes what is
 * done, and lets time pass when there is nothing to do.
 */
export class LocalPlatform {
  readonly happenings: JobHappening[] = []
  readonly runtime: JobRuntime
  readonly #options: LocalPlatformOptions
  #handlers: JobHandlers
  #lastTickMs: number

  constructor(options: LocalPlatformOptions) {
    this.#options = options
    const { world, clock, plan, config, ledger, faults } = options
    const observe: JobObserver = {
      event: (event) => {
        this.happenings.push(event)
      },
      metric: () => {},
    }
    this.runtime = {
      plan,
      config,
      now: () => clock.now(),
      random: new SeededRandom(1),
      observe,
      ...world.ports({ ...(ledger && { ledger }), faults: faults ?? slow(clock) }),
    }
    this.#handlers = createHandlers(this.runtime)
    this.#lastTickMs = clock.now()
  }

  /** Every environment is gone: the next invocations start cold. */
  restartEnvironments(): void {
    this.#handlers = createHandlers(this.runtime)
  }

  async request(request: JobRequest): Promise<void> {
    const id = 'requestId' in request ? request.requestId : `tick-${this.#options.clock.now()}`
    await this.runtime.mailbox.send([
      { to: COORDINATOR, deduplicationId: id, body: encodeRequest(COORDINATOR, request) },
    ])
  }

  /** Goes on until `done`; fails when that takes longer than `atMostMs` of virtual time. */
  async until(done: () => boolean | Promise<boolean>, atMostMs = 3_600_000): Promise<void> {
    const { clock } = this.#options
    const deadlineMs = clock.now() + atMostMs
    while (!(await done())) {
      if (clock.now() > deadlineMs) throw new Error(`not done within ${atMostMs} ms: ${this.#describe()}`)
      if (await this.#work()) continue
      const nextMs = this.#nextMs()
      if (nextMs === undefined) throw new Error(`nothing will ever happen: ${this.#describe()}`)
      clock.advanceTo(Math.max(clock.now() + 1, nextMs))
    }
  }

  /** Goes on until nothing is left to do but to wait for longer than `idleMs`. */
  async untilIdle(idleMs = 120_000): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      if (await this.#work()) continue
      const nextMs = this.#nextMs()
      if (nextMs === undefined || nextMs > clock.now() + idleMs) return
      clock.advanceTo(Math.max(clock.now() + 1, nextMs))
    }
  }

  /** One round over all queues; false if there was nothing. */
  async #work(): Promise<boolean> {
    const { world, clock } = this.#options
    let worked = await this.#poll(world.wakeUps.queue, (received) => relayWakeUps(received, this.runtime))
    if (world.wakeUps.scheduleEnabled && clock.now() - this.#lastTickMs >= TICK_MS) {
      this.#lastTickMs = clock.now()
      await this.request({ type: 'tick' })
    }
    const { coordinator, ingest, operator } = this.#handlers
    // Those that are neither are of tasks: of all of them, or of a chain.
    const taskQueues = world.mailbox.queues().filter(({ name }) => !['coordinator', 'ingest'].includes(name))
    for (const [name, handler] of [
      ['coordinator', coordinator] as const,
      ...taskQueues.map((queue) => [queue.name, operator] as const),
      ['ingest', ingest] as const,
    ]) {
      worked = (await this.#poll(world.mailbox.queue(name), handler)) || worked
    }
    return worked
  }

  async #poll(queue: Pick<DelayQueue, 'receive' | 'delete'>, handler: MessageHandler): Promise<boolean> {
    const { clock } = this.#options
    const received = queue.receive()
    if (received.length === 0) return false
    const endMs = clock.now() + INVOCATION_MS
    const { failed } = await handler(received, { remainingMs: () => endMs - clock.now() })
    queue.delete(
      received.filter(({ messageId }) => !failed.includes(messageId)).map((one) => one.receiptHandle),
    )
    return true
  }

  #nextMs(): number | undefined {
    const { world } = this.#options
    const times = [
      ...world.mailbox.queues().map((queue) => queue.nextReceivableMs),
      world.wakeUps.queue.nextReceivableMs,
      world.wakeUps.scheduleEnabled ? this.#lastTickMs + TICK_MS : undefined,
    ].filter((atMs) => atMs !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #describe(): string {
    const { world } = this.#options
    const queues = world.mailbox.queues().map(({ name, size }) => `${name}: ${size}`)
    const warnings = this.happenings.slice(-8).map((one) => JSON.stringify(one))
    return [...queues, ...warnings].join('\n')
  }
}

/** No faults, but every request takes its time. */
function slow(clock: ManualClock): Faults {
  return {
    ...NO_FAULTS,
    after: () => {
      clock.advance(TRIP_MS)
      return Promise.resolve()
    },
  }
}
