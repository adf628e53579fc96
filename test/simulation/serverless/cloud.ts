import { COORDINATOR } from '../../../lib/model/actors.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import { encodeNudge, encodeRequest } from '../../../lib/serverless/actor/envelope.ts'
import type { JobHandlers } from '../../../lib/serverless/handlers.ts'
import type { JobObserver } from '../../../lib/serverless/observe.ts'
import { relayWakeUps } from '../../../lib/serverless/relay/relay-wake-ups.ts'
import type { MessageHandler } from '../../../lib/serverless/runtime.ts'
import type { Operation } from '../../world/faults.ts'
import { MemoryWorld, type WorldPorts } from '../../world/memory-world.ts'
import type { Chance } from '../chance.ts'
import { SimulatedLambda } from './lambda.ts'
import type { ProcessWorld, SimulatedProcess } from './process.ts'

/** What a new process of a deployed job loads. */
export type Deployment = (process: SimulatedProcess) => JobHandlers

export interface CloudParts extends ProcessWorld {
  readonly chance: Chance
  readonly problems: string[]
  /** Invocations of one function at once, at most. */
  readonly concurrency: number
}

/** A message that was received so often blocks its actor for good. */
const RECEIVES_MAX = 200
const VISIBILITY_MS = 36_000
const TICK_MS = 60_000
const SECOND_MS = 1_000
/** What it tells is of no job. */
const UNOBSERVED: JobObserver = { event: () => {}, metric: () => {} }
const DEPLOYED = ['operator', 'coordinator', 'ingest'] as const

/** One job's part of the cloud: its tables, queues and bucket, and the functions that it consists of. */
export class Cloud {
  readonly world: MemoryWorld
  readonly #parts: CloudParts
  readonly #lambdas: Readonly<Record<(typeof DEPLOYED)[number] | 'relay', SimulatedLambda>>
  readonly #chance: Chance
  #sent = 0

  constructor(given: CloudParts, deployment: Deployment) {
    const onEffect = (operation: Operation, process: SimulatedProcess): void => {
      given.onEffect(operation, process)
      if (operation.port === 'mailbox' || operation.port === 'wake-ups') this.look()
    }
    const parts = { ...given, onEffect }
    this.#parts = parts
    const { scheduler: clock, chance } = parts
    this.#chance = chance.fork()
    this.world = new MemoryWorld({
      clock,
      mailbox: {
        visibilityMs: VISIBILITY_MS,
        maxReceiveCount: RECEIVES_MAX,
        deduplicationScope: chance.pick(['queue', 'messageGroup']),
      },
      wakeUps: { visibilityMs: VISIBILITY_MS },
      // Small pages, so that there are several.
      log: { pageEntriesMax: chance.pick([2, 10, 1000]) },
      rows: { pageRowsMax: chance.pick([2, 10, 1000]) },
    })
    const { mailbox, wakeUps } = this.world
    const lambda = (kind: keyof JobHandlers, queue: string): SimulatedLambda =>
      new SimulatedLambda(
        { ...parts, chance: chance.fork(), name: kind, queue: mailbox.queue(queue) },
        (process) => deployment(process)[kind],
      )
    this.#lambdas = {
      operator: lambda('operator', 'task'),
      coordinator: lambda('coordinator', 'coordinator'),
      ingest: lambda('ingest', 'ingest'),
      relay: new SimulatedLambda(
        { ...parts, chance: chance.fork(), name: 'relay', queue: wakeUps.queue },
        (process) => this.#relay(process),
      ),
    }
    this.#tick()
    this.#everySecond()
  }

  /** What processes of other functions live in. */
  get processWorld(): ProcessWorld {
    return this.#parts
  }

  /** Its ports, with its faults and its clock. */
  ports(process: SimulatedProcess): WorldPorts {
    return this.world.ports({ faults: process, now: () => process.now() })
  }

  /** New code, whose processes take every batch from here on. */
  deploy(deployment: Deployment): void {
    for (const kind of DEPLOYED) this.#lambdas[kind].deploy((process) => deployment(process)[kind])
  }

  /** Something may have been sent. */
  look(): void {
    for (const lambda of Object.values(this.#lambdas)) lambda.look()
  }

  /** Nothing runs, and no message waits but for a time ahead. */
  get isQuiet(): boolean {
    const { mailbox, wakeUps } = this.world
    const { nowMs } = this.#parts.scheduler
    if (Object.values(this.#lambdas).some(({ running }) => running > 0)) return false
    return (
      mailbox.queues().every(({ size }) => size === 0) && (wakeUps.queue.nextReceivableMs ?? Infinity) > nowMs
    )
  }

  get processes(): number {
    return Object.values(this.#lambdas).reduce((sum, { processes }) => sum + processes, 0)
  }

  /** Whoever is outside sends a request: it arrives, he makes sure of that. */
  request(to: ActorId, payload: unknown): void {
    this.world.mailbox
      .queueFor(to)
      .send({ group: to, deduplicationId: `outside-${++this.#sent}`, body: encodeRequest(to, payload) })
    this.look()
  }

  nudge(to: ActorId): void {
    this.world.mailbox
      .queueFor(to)
      .send({ group: to, deduplicationId: `outside-${++this.#sent}`, body: encodeNudge(to) })
    this.look()
  }

  /** What comes once a week. */
  visit(): void {
    this.request(COORDINATOR, { type: 'visit' })
  }

  /** The once-a-minute schedule. */
  #tick(): void {
    this.#parts.scheduler.after(TICK_MS, () => {
      if (this.world.wakeUps.scheduleEnabled) this.request(COORDINATOR, { type: 'tick', requestId: 'tick' })
      this.#tick()
    })
  }

  /** What the services do of themselves. */
  #everySecond(): void {
    const { scheduler, faults, trace } = this.#parts
    const { mailbox, wakeUps, rows, log } = this.world
    scheduler.after(SECOND_MS, () => {
      const random = this.#chance
      if (
        faults.strikes('redeliver') &&
        random.pick([...mailbox.queues(), wakeUps.queue]).redeliver(random)
      ) {
        trace(() => 'a message that was deleted comes again')
        this.look()
      }
      if (faults.strikes('loseWakeUp') && wakeUps.queue.lose(random)) trace(() => 'a wake-up is lost')
      if (faults.strikes('expire')) {
        const vanished = rows.expire(random) + log.expire(random)
        if (vanished > 0) trace(() => `${vanished} rows vanish`)
      }
      this.#everySecond()
    })
  }

  #relay(process: SimulatedProcess): MessageHandler {
    const ports = { ...this.ports(process), now: () => process.now(), observe: UNOBSERVED }
    return (messages) => relayWakeUps(messages, ports)
  }
}
