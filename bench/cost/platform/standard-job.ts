import { defineJob, fixedDelay, http, valueState, type JobDefinition, type Sink } from '../../../lib/index.ts'
import { deploymentOf, type Deployment } from '../../../lib/serverless/deployment.ts'
import { SeededRandom } from '../../../lib/testing/seeded-random.ts'
import { keysOf, type Distribution } from './keys.ts'
import { SimulatedAws } from './simulated-aws.ts'

/** An event, of about a hundred bytes as JSON. */
interface Purchase {
  readonly user: string
  readonly item: string
  readonly cents: number
  readonly session: string
}

export interface StandardJobOptions {
  readonly parallelism: number
  /** Keys of each of the two stages. */
  readonly keyCount: number
  /** Default: 10 s. */
  readonly checkpointInterval?: string
}

/** The user of an event that fails the job, the first time that it comes. */
const POISON = 'poison'

/**
 * The job that costs are measured with: events come by HTTP; spending is summed up by user, and what comes of it by item;
 * every event changes one row of each stage. The sink drops what it gets: what it would cost is the sink's.
 */
export class StandardJob {
  readonly aws: SimulatedAws
  readonly definition: JobDefinition
  readonly deployment: Deployment
  /** Records that reached the sink. */
  received = 0
  readonly #options: StandardJobOptions
  readonly #random = new SeededRandom(7)
  #isPoisoned = false
  #requests = 0

  constructor(options: StandardJobOptions) {
    this.#options = options
    this.definition = this.#define()
    this.deployment = deploymentOf(this.definition, undefined)
    this.aws = new SimulatedAws(this.deployment)
  }

  async start(): Promise<void> {
    const requestId = `start-${++this.#requests}`
    await this.aws.request({ type: 'start', requestId, from: undefined, allowNonRestoredState: false })
    await this.aws.until(() => this.aws.happenings.some((one) => one.type === 'deployed'))
    await this.aws.pass(1_000)
  }

  get completed(): number {
    return this.aws.happenings.filter((one) => one.type === 'checkpoint-completed').length
  }

  get deployments(): number {
    return this.aws.happenings.filter((one) => one.type === 'deployed').length
  }

  /** Asks for a checkpoint beside those that come by themselves. */
  triggerCheckpoint(): Promise<void> {
    return this.aws.request({ type: 'trigger-checkpoint', requestId: `checkpoint-${++this.#requests}` })
  }

  /** Takes a checkpoint now, and waits for what follows it. */
  async checkpoint(): Promise<void> {
    const before = this.completed
    await this.triggerCheckpoint()
    await this.aws.until(() => this.completed > before)
    await this.aws.pass(2_000)
  }

  /** Lets the job come to rest: all its rows are written then, and it sleeps. */
  async rest(): Promise<void> {
    await this.checkpoint()
    await this.checkpoint()
    await this.aws.pass(60_000)
  }

  /** Posts these events in requests of `batch`, and waits until all have reached the sink. */
  async take(lines: readonly string[], batch: number): Promise<void> {
    const expected = this.received + lines.length
    for (let at = 0; at < lines.length; at += batch) {
      this.aws.post(lines.slice(at, at + batch))
      await this.aws.pass(50)
    }
    await this.aws.until(() => this.received >= expected)
  }

  /** Posts at a rate: a request of `batch` events each time so many are due. Waits for the time, not for the events. */
  async takeAt(eventsPerSecond: number, lines: readonly string[], batch: number): Promise<void> {
    const { clock } = this.aws
    const beganMs = clock.now()
    for (let at = 0; at < lines.length; at += batch) {
      const dueMs = beganMs + (at * 1000) / eventsPerSecond
      if (dueMs > clock.now()) await this.aws.pass(dueMs - clock.now())
      this.aws.post(lines.slice(at, at + batch))
    }
    await this.aws.pass(Math.max(0, beganMs + (lines.length * 1000) / eventsPerSecond - clock.now()))
  }

  events(distribution: Distribution, count: number): string[] {
    const { keyCount } = this.#options
    const next = keysOf(distribution, keyCount, this.#random)
    return Array.from({ length: count }, () => this.#event(next(), next()))
  }

  /** One for each key of both stages. */
  eventsOfAllKeys(): string[] {
    const { keyCount } = this.#options
    return Array.from({ length: keyCount }, (_, key) => this.#event(key, keyCount - 1 - key))
  }

  /** Fails the job, once. */
  poison(): string {
    return this.#line(POISON, 'i0')
  }

  #event(user: number, item: number): string {
    return this.#line(`user-${user}`, `item-${item}`)
  }

  #line(user: string, item: string): string {
    const session = Math.floor(this.#random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    const purchase: Purchase = { user, item, cents: Math.floor(this.#random.next() * 10_000), session }
    const line = JSON.stringify({ ...purchase, note: '' })
    return JSON.stringify({ ...purchase, note: session.repeat(4).slice(0, Math.max(0, 100 - line.length)) })
  }

  #define(): JobDefinition {
    const { parallelism, checkpointInterval = '10 s' } = this.#options
    return defineJob(
      {
        name: 'standard',
        parallelism,
        checkpointing: { interval: checkpointInterval },
        restart: fixedDelay({ attempts: 3, delay: '1 s' }),
      },
      (env) => {
        env
          .source('purchases', http<Purchase>({ partitions: parallelism }))
          .keyBy(({ user }) => user)
          .map('by-user', {
            state: { spent: valueState({ default: 0 }) },
            map: (purchase, { state }) => {
              if (purchase.user === POISON && !this.#isPoisoned) {
                this.#isPoisoned = true
                throw new Error('the event that fails the job')
              }
              const spent = state.spent.value() + purchase.cents
              state.spent.update(spent)
              return { ...purchase, spent }
            },
          })
          .keyBy(({ item }) => item)
          .map('by-item', {
            state: { sold: valueState({ default: 0 }) },
            map: ({ item, cents, spent }, { state }) => {
              const sold = state.sold.value() + cents
              state.sold.update(sold)
              return { item, sold, spent }
            },
          })
          .sinkTo('out', this.#sink())
      },
    )
  }

  #sink(): Sink<unknown> {
    return {
      type: 'writer',
      kind: 'drop',
      createWriter: () => ({
        write: (values) => {
          this.received += values.length
        },
      }),
    }
  }
}
