import { collect, defineJob } from '../../../../lib/index.ts'
import { ingestSourcesOf, type IngestSource } from '../../../../lib/connectors/ingest/ingest-sources.ts'
import { idOf, type RecordGroup } from '../../../../lib/connectors/ingest/record-group.ts'
import { configOf, planOf } from '../../../../lib/embedded/run-job.ts'
import { ingestActor } from '../../../../lib/model/actors.ts'
import { assert } from '../../../../lib/model/faults.ts'
import type { ActorId } from '../../../../lib/model/ids.ts'
import type { IngestedRecord } from '../../../../lib/ports/ingest-log.ts'
import { ActorProcess } from '../../../../lib/serverless/actor/actor-process.ts'
import { decodeEnvelope, encodeRequest } from '../../../../lib/serverless/actor/envelope.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { ingestBehaviour } from '../../../../lib/serverless/ingest/ingest-behaviour.ts'
import { IngestLogReader } from '../../../../lib/serverless/ingest/ingest-log-reader.ts'
import type {
  IngestDelta,
  IngestRequest,
  IngestState,
} from '../../../../lib/serverless/ingest/ingest-state.ts'
import type { JobHappening } from '../../../../lib/serverless/observe.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import type { Source } from '../../../../lib/stream/source.ts'
import { ManualClock, SeededRandom } from '../../../../lib/testing/index.ts'
import type { Faults } from '../../../world/faults.ts'
import { MemoryWorld } from '../../../world/memory-world.ts'

export const SOURCE = 'readings'

export interface Metric {
  readonly name: string
  readonly value: number
}

/** A job with one ingest source in a world in memory: its front door and its ingest partitions. */
export class IngestWorld {
  readonly clock = new ManualClock(1_000_000)
  readonly world: MemoryWorld = new MemoryWorld({ clock: this.clock })
  readonly happenings: JobHappening[] = []
  readonly metrics: Metric[] = []
  readonly runtime: JobRuntime
  /** Nudges that tasks were sent. */
  readonly nudged: string[] = []
  #processes = new Map<ActorId, ActorProcess<IngestState, IngestDelta>>()

  private constructor(runtime: (world: IngestWorld) => JobRuntime) {
    this.runtime = runtime(this)
  }

  static async of(
    source: Source<unknown>,
    options: { readonly parallelism?: number; readonly faults?: Faults } = {},
  ): Promise<IngestWorld> {
    const definition = defineJob({ name: 'ingesting' }, (env) => {
      env.source(SOURCE, source).sinkTo('out', collect<unknown>([]))
    })
    const config = await configOf(definition, { parallelism: options.parallelism ?? 1 })
    const plan = planOf(definition, config)
    return new IngestWorld((world): JobRuntime => ({
      config,
      plan,
      now: () => world.clock.now(),
      random: new SeededRandom(1),
      observe: {
        event: (event) => void world.happenings.push(event),
        metric: (name, value) => void world.metrics.push({ name, value }),
      },
      ...world.world.ports(options.faults && { faults: options.faults }),
    }))
  }

  get source(): IngestSource {
    return ingestSourcesOf(this.runtime.plan)[0]!
  }

  /** The next invocations begin cold. */
  restart(): void {
    this.#processes = new Map()
  }

  process(partition = 0): ActorProcess<IngestState, IngestDelta> {
    const actor = ingestActor(SOURCE, partition)
    let process = this.#processes.get(actor)
    if (process === undefined) {
      process = new ActorProcess(actor, ingestBehaviour(this.runtime, actor), this.runtime)
      this.#processes.set(actor, process)
    }
    return process
  }

  /** Handles one request, which is received now, as if it came from a queue; resolves to the ids of messages that come again. */
  async ask(request: IngestRequest | { readonly type: string }, partition = 0): Promise<readonly string[]> {
    const received =
      'group' in request
        ? { ...request, group: { ...request.group, receivedAtMs: this.clock.now() } }
        : request
    const envelope = decodeEnvelope(encodeRequest(ingestActor(SOURCE, partition), received))
    return this.process(partition).handle([{ messageId: 'm', envelope }], { remainingMs: () => 60_000 })
  }

  /** Handles a batch, as one invocation does. */
  async take(batch: readonly Delivery[], partition = 0): Promise<readonly string[]> {
    return this.process(partition).handle(batch, { remainingMs: () => 60_000 })
  }

  /** Ingest partitions handle all that waits for them. */
  async drain(): Promise<void> {
    const queue = this.world.mailbox.queueFor(ingestActor(SOURCE, 0))
    for (let messages = queue.receive(); messages.length > 0; messages = queue.receive()) {
      for (const { messageId, body, receiptHandle } of messages) {
        const envelope = decodeEnvelope(body)
        const process = this.process(Number(envelope.to.split('#')[1]))
        const failed = await process.handle([{ messageId, envelope }], { remainingMs: () => 60_000 })
        if (failed.length === 0) queue.delete([receiptHandle])
      }
    }
    this.#takeNudges()
  }

  /** All that a reader of a partition finds. */
  async read(partition = 0, after = 0): Promise<IngestedRecord[]> {
    const reader = new IngestLogReader(this.runtime)
    const found: IngestedRecord[] = []
    for (let position = after; ;) {
      const page = await reader.read(SOURCE, partition, position)
      found.push(...page.batches.flatMap((batch) => batch.records))
      position = page.through
      if (!page.more) return found
    }
  }

  async bodies(partition = 0, after = 0): Promise<string[]> {
    return (await this.read(partition, after)).map(({ body }) => body)
  }

  #takeNudges(): void {
    for (const queue of this.world.mailbox.queues()) {
      for (const { body, receiptHandle } of queue.receive()) {
        const envelope = decodeEnvelope(body)
        if (envelope.kind === 'nudge') this.nudged.push(envelope.to)
        queue.delete([receiptHandle])
      }
    }
  }
}

/** Records of one request. */
export function records(key: string, ...bodies: readonly string[]): IngestRequest {
  return { type: 'records', group: { receivedAtMs: 7, ids: { key, first: 0 }, bodies, refusals: [] } }
}

/** Records that declare their ids, which are their bodies too. */
export function declared(...ids: readonly string[]): IngestRequest {
  return { type: 'records', group: { receivedAtMs: 7, ids, bodies: ids, refusals: [] } }
}

export function groupOf(request: IngestRequest): RecordGroup {
  assert(request.type === 'records', 'a request that brings records')
  return request.group
}

/** A message that brings records to the first partition. */
export function delivery(group: RecordGroup): Delivery {
  const envelope = decodeEnvelope(encodeRequest(ingestActor(SOURCE, 0), { type: 'records', group }))
  return { messageId: idOf(group, 0), envelope }
}

export function randomText(random: SeededRandom, length: number): string {
  return Array.from({ length: Math.ceil(length / 6) }, () =>
    Math.floor(random.next() * 36 ** 6)
      .toString(36)
      .padStart(6, '0'),
  ).join('')
}
