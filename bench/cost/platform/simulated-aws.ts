import type { JobPlan } from '../../../lib/graph/plan.ts'
import { COORDINATOR } from '../../../lib/model/actors.ts'
import { encodeRequest } from '../../../lib/serverless/actor/envelope.ts'
import { serverlessHttpEdge } from '../../../lib/serverless/ingest/http-edge.ts'
import type { JobHappening } from '../../../lib/serverless/observe.ts'
import type { JobRequest } from '../../../lib/serverless/protocol.ts'
import { relayWakeUps } from '../../../lib/serverless/relay/relay-wake-ups.ts'
import type { MessageHandler } from '../../../lib/serverless/runtime.ts'
import type { JobConfig } from '../../../lib/stream/config.ts'
import { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { CallLedger } from '../../../test/world/call-ledger.ts'
import type { FifoQueue } from '../../../test/world/fifo-queue.ts'
import { MemoryWorld } from '../../../test/world/memory-world.ts'
import { EnvironmentPool, type Environment, type Invocation } from './environment-pool.ts'
import { ProcessorMeter } from './processor-meter.ts'
import { FunctionUsage, type FunctionName } from './function-usage.ts'

const START_MS = 1_700_000_000_000
const TICK_MS = 60_000

export interface SimulatedJob {
  readonly plan: JobPlan
  readonly config: JobConfig
}

/**
 * What AWS does for a job, on a virtual clock: calls functions with what comes by HTTP and with batches from queues, as many
 * at once as there are groups, each in the environment that was free last; each request takes its time. The handlers and all
 * that they encode are the real ones. Nothing fails.
 */
export class SimulatedAws {
  readonly clock: ManualClock = new ManualClock(START_MS)
  readonly world: MemoryWorld
  readonly usage: FunctionUsage = new FunctionUsage()
  readonly happenings: JobHappening[] = []
  /** What functions published beside what follows from happenings, each once: its name, and of which operator. */
  readonly metrics: Set<string> = new Set()
  /** Finished invocations; only where asked for. */
  readonly invocations: (Invocation & { readonly name: FunctionName })[] = []
  keepsInvocations = false
  readonly #pools: Readonly<Record<FunctionName, EnvironmentPool>>
  readonly #polled = new CallLedger()
  readonly #meter = new ProcessorMeter()
  readonly #concurrency: Readonly<Record<'operator' | 'coordinator' | 'ingest', number>>
  #lastTickMs = START_MS
  #requests = 0
  #failure: Error | undefined

  constructor(job: SimulatedJob) {
    const { clock } = this
    this.world = new MemoryWorld({
      clock,
      mailbox: { deduplicationScope: 'messageGroup', pollerLedger: this.#polled },
      wakeUps: { pollerLedger: this.#polled },
    })
    const pool = (name: FunctionName): EnvironmentPool =>
      new EnvironmentPool({
        ...job,
        clock,
        world: this.world,
        ledger: this.usage.ledger(name),
        observe: {
          event: (event) => {
            this.happenings.push(event)
          },
          metric: (metric, _value, _unit, operator) => {
            this.metrics.add(`${metric} of ${operator ?? 'the job'}`)
          },
        },
        meter: this.#meter,
        keepsCalls: () => this.keepsInvocations,
      })
    this.#pools = {
      'ingest-http': pool('ingest-http'),
      ingest: pool('ingest'),
      operator: pool('operator'),
      coordinator: pool('coordinator'),
      'wake-up': pool('wake-up'),
    }
    const tasks = job.plan.vertices.reduce((sum, { parallelism }) => sum + parallelism, 0)
    // As infra/stream-job.ts has it.
    this.#concurrency = { operator: Math.max(2, tasks), coordinator: 2, ingest: Math.max(2, tasks) }
  }

  /** Posts records, a line each, to the only source. */
  post(lines: readonly string[]): void {
    const body = Buffer.from(lines.join('\n'))
    const path = '/'
    const headers = { 'content-type': 'application/x-ndjson' }
    this.#invoke('ingest-http', async ({ runtime, http }) => {
      const answer = await (http ?? serverlessHttpEdge(runtime))({ method: 'POST', path, headers, body })
      if (answer.status !== 202) throw new Error(`expected 202, got ${answer.status}: ${answer.body}`)
    })
  }

  /** Asks something of the coordinator from outside; that is nobody's cost. */
  async request(request: JobRequest): Promise<void> {
    const deduplicationId = `request-${++this.#requests}`
    await this.world.mailbox
      .client()
      .send([{ to: COORDINATOR, deduplicationId, body: encodeRequest(COORDINATOR, request) }])
  }

  /** A warm-up that is not measured is over. */
  forgetUsage(): void {
    this.usage.reset()
    this.invocations.length = 0
  }

  /** The next invocations start cold. */
  dropEnvironments(): void {
    for (const pool of Object.values(this.#pools)) pool.drop()
  }

  /** Goes on until `done`, which is asked after every step; fails after `atMostMs` of virtual time. */
  async until(done: () => boolean, atMostMs = 600_000): Promise<void> {
    const deadlineMs = this.clock.now() + atMostMs
    while (!done()) {
      if (!(await this.#step(deadlineMs))) throw new Error(`not done in ${atMostMs} ms: ${this.#describe()}`)
    }
  }

  /** Lets so much virtual time pass. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.now() + ms
    while (await this.#step(endMs)) continue
  }

  /** False: nothing happens before `endMs`, and that is the time now. */
  async #step(endMs: number): Promise<boolean> {
    await this.#meter.settle()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#poll()) return true
    const nextMs = this.#nextMs()
    if (nextMs > endMs) {
      this.clock.advanceTo(endMs)
      return false
    }
    this.clock.advanceTo(Math.max(this.clock.now(), nextMs))
    return true
  }

  #poll(): boolean {
    const { world, clock } = this
    let began = false
    if (world.wakeUps.scheduleEnabled && clock.now() - this.#lastTickMs >= TICK_MS) {
      this.#lastTickMs = clock.now()
      this.#schedule('tick')
      began = true
    }
    const { operator, coordinator, ingest } = this.#concurrency
    const queue = (name: string): FifoQueue => world.mailbox.queue(name)
    began = this.#pollFifo(queue('task'), 'operator', operator, ({ handlers }) => handlers.operator) || began
    began =
      this.#pollFifo(
        queue('coordinator'),
        'coordinator',
        coordinator,
        ({ handlers }) => handlers.coordinator,
      ) || began
    began = this.#pollFifo(queue('ingest'), 'ingest', ingest, ({ handlers }) => handlers.ingest) || began
    return this.#pollWakeUps() || began
  }

  #pollFifo(
    queue: FifoQueue,
    name: FunctionName,
    concurrencyMax: number,
    handlerOf: (environment: Environment) => MessageHandler,
  ): boolean {
    let began = false
    while (this.#pools[name].running < concurrencyMax && isReady(queue, this.clock.now())) {
      const received = queue.receive()
      if (received.length === 0) break
      began = true
      this.#billPoll(name)
      this.#invoke(name, async (environment) => {
        const endMs = this.clock.now() + 30_000
        const outcome = await handlerOf(environment)(received, {
          remainingMs: () => endMs - this.clock.now(),
        })
        const done = received.filter(({ messageId }) => !outcome.failed.includes(messageId))
        queue.delete(done.map(({ receiptHandle }) => receiptHandle))
        this.#billPoll(name)
      })
    }
    return began
  }

  #pollWakeUps(): boolean {
    const { queue } = this.world.wakeUps
    if (!isReady(queue, this.clock.now())) return false
    const received = queue.receive()
    this.#billPoll('wake-up')
    this.#invoke('wake-up', async ({ runtime }) => {
      await relayWakeUps(received, runtime)
      queue.delete(received.map(({ receiptHandle }) => receiptHandle))
      this.#billPoll('wake-up')
    })
    return true
  }

  /** What comes once a week. */
  visit(): void {
    this.#schedule('visit')
  }

  #schedule(type: 'tick' | 'visit'): void {
    this.#invoke('wake-up', async ({ runtime }) => {
      const body = encodeRequest(COORDINATOR, { type })
      const deduplicationId = `${type}-${this.clock.now()}`
      await runtime.mailbox.send([{ to: COORDINATOR, deduplicationId, body }])
    })
  }

  #invoke(name: FunctionName, work: (environment: Environment) => Promise<void>): void {
    void this.#noted(name, work)
  }

  async #noted(name: FunctionName, work: (environment: Environment) => Promise<void>): Promise<void> {
    try {
      const invocation = await this.#pools[name].invoke(work)
      this.usage.invoked(name, invocation)
      if (this.keepsInvocations) this.invocations.push({ ...invocation, name })
    } catch (cause) {
      this.#failure ??= new Error(`an invocation of ${name} failed`, { cause })
    }
  }

  /** What Lambda's pollers just asked of a queue is part of the cost of the function that they call. */
  #billPoll(name: FunctionName): void {
    for (const { port, name: call, units } of this.#polled.reset()) {
      this.usage.ledger(name).count({ port, name: call }, units)
    }
  }

  #nextMs(): number {
    const { world, clock } = this
    const isFull = (name: 'operator' | 'coordinator' | 'ingest'): boolean =>
      this.#pools[name].running >= this.#concurrency[name]
    const times = [
      clock.nextCallMs,
      isFull('operator') ? undefined : world.mailbox.queue('task').nextReceivableMs,
      isFull('coordinator') ? undefined : world.mailbox.queue('coordinator').nextReceivableMs,
      isFull('ingest') ? undefined : world.mailbox.queue('ingest').nextReceivableMs,
      world.wakeUps.queue.nextReceivableMs,
      world.wakeUps.scheduleEnabled ? this.#lastTickMs + TICK_MS : undefined,
    ]
    return times.reduce<number>((least, atMs) => Math.min(least, atMs ?? Infinity), Infinity)
  }

  #describe(): string {
    const queues = this.world.mailbox.queues().map(({ name, size }) => `${name}: ${size}`)
    return [...queues, ...this.happenings.slice(-5).map((one) => JSON.stringify(one))].join('\n')
  }
}

function isReady(queue: { readonly nextReceivableMs: number | undefined }, nowMs: number): boolean {
  const { nextReceivableMs } = queue
  return nextReceivableMs !== undefined && nextReceivableMs <= nowMs
}
