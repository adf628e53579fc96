import { buildStreamGraph } from '../../../../lib/graph/build-stream-graph.ts'
import type { JobPlan } from '../../../../lib/graph/plan.ts'
import { planJob } from '../../../../lib/graph/plan-job.ts'
import {
  defineJob,
  discard,
  sourceFunction,
  type,
  valueState,
  type KeyedContext,
  type ReadStatus,
  type Sink,
} from '../../../../lib/index.ts'
import { COORDINATOR, taskActor } from '../../../../lib/model/actors.ts'
import type { Element } from '../../../../lib/model/elements.ts'
import { asCheckpointId, taskId, type ActorId } from '../../../../lib/model/ids.ts'
import { ActorProcess } from '../../../../lib/serverless/actor/actor-process.ts'
import type { Behaviour } from '../../../../lib/serverless/actor/behaviour.ts'
import { decodeEnvelope } from '../../../../lib/serverless/actor/envelope.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { appendGenesis } from '../../../../lib/serverless/actor/log-entry.ts'
import { loadNamed } from '../../../../lib/serverless/actor/named-blob.ts'
import { pack, unpack } from '../../../../lib/serverless/actor/packing.ts'
import type { JobHappening } from '../../../../lib/serverless/observe.ts'
import type {
  ElementsPayload,
  TaskGenesis,
  TaskOrder,
  TaskReport,
} from '../../../../lib/serverless/protocol.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import { taskBehaviour } from '../../../../lib/serverless/task/task-behaviour.ts'
import type { TaskDelta, TaskState } from '../../../../lib/serverless/task/task-state.ts'
import { compileConfig } from '../../../../lib/stream/compile-config.ts'
import type { Outside } from '../../../../lib/ports/outside.ts'
import type { JobConfig } from '../../../../lib/stream/config.ts'
import type { CheckpointingOptions } from '../../../../lib/stream/options.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { SeededRandom } from '../../../../lib/testing/seeded-random.ts'
import type { Faults } from '../../../world/faults.ts'
import { MemoryWorld } from '../../../world/memory-world.ts'

/** A record: what it is counted by, and what else its function is to do. */
export interface Sighting {
  readonly key: string
  readonly fireAtMs?: number
  readonly wakeAtMs?: number
  readonly throws?: string
}

export interface Count {
  readonly key: string
  readonly count: number
}

/** What the source's function says when it is asked. */
export type Poll = (collect: (one: Sighting) => void) => ReadStatus

type Counting = KeyedContext<string, Count, { count: ReturnType<typeof valueState<number>> }>

function countIn(ctx: Counting, key: string): void {
  const count = (ctx.state.count.value() ?? 0) + 1
  ctx.state.count.update(count)
  ctx.collect({ key, count })
}

function planned({
  poll = () => 'wait',
  checkpointing,
  sink,
  mapped = false,
  sources = 2,
  working = () => {},
}: OneTaskOptions): {
  readonly plan: JobPlan
  readonly config: JobConfig
} {
  const source = sourceFunction<Sighting>({ poll: (ctx) => poll((one) => ctx.collect(one)) })
  const job = defineJob(
    {
      name: 'watched',
      parallelism: 1,
      maxParallelism: 4,
      checkpointing: { interval: '10 s', ...checkpointing },
    },
    (env) => {
      const read = env.source('seen', source, { parallelism: sources })
      const seen = mapped ? read.map((one) => one, { uid: 'mapped', parallelism: sources }) : read
      if (sink !== undefined) {
        seen.rebalance().sinkTo('out', sink)
        return
      }
      seen
        .keyBy(({ key }) => key)
        .process('count', {
          emits: type<Count>(),
          state: { count: valueState<number>() },
          processElement({ key, fireAtMs, wakeAtMs, throws }, ctx) {
            working()
            if (throws !== undefined) throw new Error(throws)
            if (fireAtMs !== undefined) ctx.timers.registerEventTimeTimer(fireAtMs)
            if (wakeAtMs !== undefined) ctx.timers.registerProcessingTimeTimer(wakeAtMs)
            countIn(ctx, key)
          },
          onTimer(_timestampMs, ctx) {
            working()
            countIn(ctx, `${ctx.key}!`)
          },
        })
        .keyBy(({ key }) => key)
        .reduce('last', (_, one) => one)
        .sinkTo('out', discard())
    },
  )
  const config = compileConfig({ code: job.options, overrides: {} })
  return { plan: planJob(buildStreamGraph(job), config), config }
}

export const NAMESPACE = 'rows'
export const forever = { remainingMs: (): number => 60_000 }

export interface Sent {
  readonly to: ActorId
  readonly attempt: number
  readonly sequence: number
  readonly payload: unknown
}

export interface OneTaskOptions {
  /** The vertex by its place in the plan: 0, the source; 1, the operator that counts. Default: 1. */
  readonly vertex?: number
  readonly poll?: Poll
  readonly checkpointing?: CheckpointingOptions
  /** The source's records go to this, and vertex 1 is its task. */
  readonly sink?: Sink<Sighting>
  /** The source's chain ends in a map. */
  readonly mapped?: boolean
  /** Subtasks of the source. Default: 2. */
  readonly sources?: number
  readonly outside?: Outside
  /** Called at each record and timer of the operator that counts. */
  readonly working?: () => void
}

/** One task of a small job in a world in memory: whoever it hears from and tells is played by the test. */
export class OneTask {
  readonly clock = new ManualClock(1_000_000)
  readonly world: MemoryWorld = new MemoryWorld({ clock: this.clock })
  readonly happenings: JobHappening[] = []
  readonly sent: Sent[] = []
  readonly actor: ActorId
  readonly plan: JobPlan
  readonly config: JobConfig
  attempt = 0
  /** What is said of the queues of these, or done instead. */
  backlog: (actors: readonly ActorId[]) => number = () => 0
  readonly #next = new Map<string, number>()
  readonly #known = new Set<string>()
  readonly #outside: Outside | undefined
  #count = 0

  constructor(options: OneTaskOptions = {}) {
    const { vertex = 1, outside } = options
    const { plan, config } = planned(options)
    this.#outside = outside
    this.plan = plan
    this.config = config
    this.actor = taskActor(taskId(plan.vertices[vertex]!.id, 0))
  }

  /** The source's subtasks, which send to the task that counts. */
  source(subtask: number): ActorId {
    return taskActor(taskId(this.plan.vertices[0]!.id, subtask))
  }

  runtime(faults?: Faults): JobRuntime {
    const ports = this.world.ports(faults && { faults })
    return {
      plan: this.plan,
      config: this.config,
      now: () => this.clock.now(),
      random: new SeededRandom(++this.#count),
      observe: { event: (event) => void this.happenings.push(event), metric: () => {} },
      ...ports,
      outside: this.#outside,
      mailbox: {
        ...ports.mailbox,
        backlog: async (actors) => this.backlog(actors),
        send: async (messages) => {
          for (const { body } of messages) {
            const envelope = decodeEnvelope(body)
            if (envelope.kind !== 'message') continue
            const { to, attempt, sequence, payload } = envelope
            // What was sent already may be sent again: its receiver drops it.
            const name = `${to}/${attempt}/${sequence}`
            if (this.#known.has(name)) continue
            this.#known.add(name)
            const bytes = 'blob' in payload ? await loadNamed(ports.blobs, payload.blob) : payload.bytes
            this.sent.push({ to, attempt, sequence, payload: unpack(bytes) })
          }
          return messages.map(() => 'sent' as const)
        },
      },
    }
  }

  process(faults?: Faults): ActorProcess<TaskState, TaskDelta> {
    const runtime = this.runtime(faults)
    return new ActorProcess(this.actor, taskBehaviour(runtime, this.actor), runtime)
  }

  async begin(
    attempt: number,
    base?: { readonly attempt: number; readonly position: number },
    content: Partial<TaskGenesis> = {},
  ): Promise<void> {
    const { log, blobs } = this.world.ports()
    const genesis = {
      attempt,
      base,
      content: {
        runId: 'run',
        lineage: 'first-run',
        fingerprint: this.plan.fingerprint,
        namespace: NAMESPACE,
        restore: undefined,
        ...content,
      } satisfies TaskGenesis,
    }
    await appendGenesis(log, this.actor, (base?.position ?? 0) + 1, genesis, this.clock.now(), blobs)
    this.attempt = attempt
  }

  order(order: TaskOrder): Delivery {
    return this.#message(COORDINATOR, order)
  }

  elements(subtask: number, ...elements: readonly Element[]): Delivery {
    const payload: ElementsPayload = { type: 'elements', edge: 0, elements }
    return this.#message(this.source(subtask), payload)
  }

  nudge(): Delivery {
    const envelope = { kind: 'nudge', to: this.actor, wakeUpAtMs: undefined } as const
    return { messageId: `nudge-${++this.#count}`, envelope }
  }

  /** What it told the coordinator since it was last asked. */
  reports(): TaskReport[] {
    return this.#taken((to) => to === COORDINATOR).map(({ payload }) => payload as TaskReport)
  }

  /** What it sent other tasks since it was last asked. */
  elementsSent(): Element[] {
    return this.#taken((to) => to !== COORDINATOR).flatMap(
      ({ payload }) => (payload as ElementsPayload).elements,
    )
  }

  /** The counts it sent since it was last asked, as `key:count`. */
  counts(): string[] {
    return this.elementsSent()
      .flatMap((element) => (element.kind === 'records' ? (element.values as Count[]) : []))
      .map(({ key, count }) => `${key}:${count}`)
  }

  /** Its state for whoever reads the log. */
  async state(): Promise<{ readonly state: TaskState; readonly position: number }> {
    const runtime = this.runtime()
    const reader = taskBehaviour(runtime, this.actor)
    let seen: { readonly state: TaskState; readonly position: number } | undefined
    const watcher: Behaviour<TaskState, TaskDelta> = {
      initial: reader.initial,
      headEveryTurns: Number.POSITIVE_INFINITY,
      begin: (base, genesis, place) => reader.begin(base, genesis, place),
      apply: (state, delta, place) => reader.apply(state, delta, place),
      foldable: () => 0,
      isOver: () => false,
      encode: (state) => reader.encode(state),
      decode: (encoded) => reader.decode(encoded),
      step: async ({ state, place }) => {
        seen = { state, position: place.position }
        return { taken: 0, delta: undefined, outgoing: [], nudges: [], wakeAtMs: undefined, more: false }
      },
    }
    await new ActorProcess(this.actor, watcher, { ...runtime, mailbox: this.world.ports().mailbox }).handle(
      [],
      forever,
    )
    return seen!
  }

  #message(from: ActorId, payload: unknown): Delivery {
    const { attempt, actor: to } = this
    const name = `${from}/${attempt}`
    const sequence = this.#next.get(name) ?? 0
    this.#next.set(name, sequence + 1)
    return {
      messageId: `message-${++this.#count}`,
      envelope: { kind: 'message', to, from, attempt, sequence, payload: { bytes: pack(payload) } },
    }
  }

  #taken(isWanted: (to: ActorId) => boolean): Sent[] {
    const wanted = this.sent.filter(({ to }) => isWanted(to))
    const rest = this.sent.filter(({ to }) => !isWanted(to))
    this.sent.splice(0, this.sent.length, ...rest)
    return wanted
  }
}

export function records(...sightings: readonly (string | Sighting)[]): Element {
  const values = sightings.map((one) => (typeof one === 'string' ? { key: one } : one))
  return { kind: 'records', values, timestamps: values.map(() => 0) }
}

export function barrier(checkpointId: number, isSavepoint = false): Element {
  return { kind: 'barrier', checkpointId: asCheckpointId(checkpointId), triggeredAtMs: 0, isSavepoint }
}

export const watermark = (timestampMs: number): Element => ({ kind: 'watermark', timestampMs })
export const END: Element = { kind: 'end' }
