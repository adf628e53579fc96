import assert from 'node:assert/strict'
import { isTerminal } from '../../../../lib/checkpoint/job-status.ts'
import { taskActor } from '../../../../lib/model/actors.ts'
import type { ActorId } from '../../../../lib/model/ids.ts'
import type { Input, Outgoing, StepOutcome, View } from '../../../../lib/serverless/actor/behaviour.ts'
import { pack, unpack } from '../../../../lib/serverless/actor/packing.ts'
import { coordinatorBehaviour } from '../../../../lib/serverless/coordinator/coordinator-behaviour.ts'
import {
  shownStatus,
  type CoordinatorDelta,
  type CoordinatorImage,
  type JobAnswer,
} from '../../../../lib/serverless/coordinator/image.ts'
import {
  readJobStatus,
  type JobStatusRecord,
} from '../../../../lib/serverless/coordinator/job-status-record.ts'
import type { JobHappening } from '../../../../lib/serverless/observe.ts'
import type { JobRequest, TaskOrder, TaskReport } from '../../../../lib/serverless/protocol.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { SeededRandom } from '../../../../lib/testing/seeded-random.ts'
import { MemoryWorld } from '../../../world/memory-world.ts'
import { planned, type PlayedCode } from './played-plan.ts'
import { PlayedTask, type Counts, type Rows } from './played-task.ts'

const COORDINATOR_AT = 'coordinator' as ActorId

type WithoutId<T> = T extends { readonly requestId: string } ? Omit<T, 'requestId'> : never

/** A request but for its id. */
export type Asked = WithoutId<JobRequest>

type Outcome = StepOutcome<CoordinatorDelta>

/**
 * A coordinator over a log in memory, with tasks that are played. A turn is committed whole or not at all; what it read and
 * wrote in the world stays either way. Whatever is restored is compared with what was acknowledged.
 */
export class PlayedJob {
  readonly clock = new ManualClock(1_000_000)
  readonly world: MemoryWorld = new MemoryWorld({ clock: this.clock })
  readonly happenings: JobHappening[] = []
  readonly inbox: Input[] = []
  readonly rows: Rows = new Map()
  readonly orders: { readonly to: ActorId; readonly attempt: number; readonly order: TaskOrder }[] = []
  tasks = new Map<ActorId, PlayedTask>()
  runtime!: JobRuntime
  image: CoordinatorImage
  position = 0
  turns = 0
  #behaviour!: ReturnType<typeof coordinatorBehaviour>
  #more = false
  #requests = 0
  /** What the tasks had at the barrier of a checkpoint; by the location it got. */
  readonly #acked = new Map<number, Map<ActorId, Counts>>()
  readonly #expected = new Map<string, Counts>()
  readonly #restoredFrom = new Map<number, string | undefined>()
  readonly #passed = new Map<string, number>()

  constructor(code: PlayedCode = { parallelism: 2 }) {
    this.deploy(code)
    this.image = this.#behaviour.initial
  }

  /** Other code from here on, at another parallelism perhaps. */
  deploy(code: PlayedCode): void {
    const { plan, config } = planned(code)
    this.runtime = {
      plan,
      config,
      now: () => this.clock.now(),
      random: new SeededRandom(7),
      observe: { event: (event) => void this.happenings.push(event), metric: () => {} },
      ...this.world.ports(),
      rows: {
        ...this.world.ports().rows,
        drop: async ({ namespace, keyGroup }) => void this.rows.delete(`${namespace}/${keyGroup}`),
      },
    }
    this.#behaviour = coordinatorBehaviour(this.runtime)
    for (const vertex of plan.vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        const task = new PlayedTask(vertex.id, subtask, vertex.parallelism, this.rows)
        const before = this.tasks.get(task.actor)
        if (before === undefined) this.tasks.set(task.actor, task)
        else before.rescale(vertex.parallelism)
      }
    }
  }

  /** What tasks that begin from there are to have: for what the job itself did not write. */
  expect(location: string, counts: Counts): void {
    this.#expected.set(location, counts)
  }

  get status() {
    return shownStatus(this.image)
  }

  get isOver(): boolean {
    return this.image.run?.ended === true && this.image.effects.length === 0
  }

  /** Of the run that was started last. */
  get running(): PlayedTask[] {
    const { plan } = this.runtime
    return plan.vertices.flatMap(({ id, parallelism }) =>
      Array.from({ length: parallelism }, (_, subtask) =>
        this.tasks.get(`task:${id}#${subtask}` as ActorId)!,
      ),
    )
  }

  async record(): Promise<JobStatusRecord> {
    const record = await readJobStatus(this.runtime.log)
    assert.ok(record !== undefined, 'the job has a public record')
    return record
  }

  request(request: JobRequest): void {
    this.inbox.push({ type: 'request', payload: request, messageId: `m${this.#requests}` })
  }

  /** The request under an id of its own. */
  ask(request: Asked): string {
    const requestId = `r${++this.#requests}`
    this.request({ ...request, requestId })
    return requestId
  }

  start(from?: string, allowNonRestoredState = false): string {
    return this.ask({ type: 'start', from, allowNonRestoredState })
  }

  foldable = (): number => this.#behaviour.foldable(this.image, { attempt: 0, position: this.position })

  answer(requestId: string): JobAnswer | undefined {
    return this.image.answers.find((one) => one.requestId === requestId)?.answer
  }

  report(task: PlayedTask, reports: readonly TaskReport[], attempt = task.attempt): void {
    for (const one of reports) {
      this.inbox.push({ type: 'message', from: task.actor, attempt, payload: unpack(pack(one)) })
    }
  }

  /** One turn of the coordinator; `dies`: its effects are done, and nobody knows. */
  async turn(
    options: { readonly dies?: boolean; readonly atMost?: number; readonly remainingMs?: number } = {},
  ): Promise<void> {
    const inputs = this.inbox.slice(0, options.atMost ?? 10)
    const outcome = await this.step(this.view(), inputs, options.remainingMs)
    if (options.dies === true) return
    await this.#commit(outcome)
  }

  view(): View<CoordinatorImage> {
    const place = { attempt: 0, position: this.position }
    return {
      actor: COORDINATOR_AT,
      state: this.image,
      place,
      folded: { state: this.image, place },
      stateAt: () => this.image,
      isFenced: false,
      order: undefined,
      receivedFrom: () => 0,
      sentTo: () => 0,
      sentBetween: () => undefined,
    }
  }

  step(view: View<CoordinatorImage>, inputs: readonly Input[], remainingMs = 10_000): Promise<Outcome> {
    return this.#behaviour.step(view, inputs, { nowMs: this.clock.now(), remainingMs: () => remainingMs })
  }

  async #commit(outcome: Outcome): Promise<void> {
    const { delta, outgoing, taken, more, nudges } = outcome
    this.inbox.splice(0, taken)
    if (delta !== undefined) {
      this.position++
      this.turns++
      const before = this.image
      const after = this.#behaviour.apply(this.image, delta, { attempt: 0, position: this.position })
      // What another process would read of it.
      const decoded = this.#behaviour.decode(unpack(pack(this.#behaviour.encode(after))))
      assert.deepEqual(decoded, after)
      this.image = decoded
      this.#note(before)
      assert.ok(this.foldable() <= this.position, 'only what was done is folded')
    } else assert.equal(outgoing.length, 0, 'what is sent is committed')
    this.#more = more
    for (const one of outgoing) this.#send(one)
    for (const actor of nudges) await this.tasks.get(actor)?.catchUp(this.runtime)
  }

  #send({ to, attempt, payload }: Outgoing): void {
    assert.ok(attempt !== undefined && attempt > 0, 'an order is for an attempt')
    const order = payload as TaskOrder
    this.orders.push({ to, attempt, order })
    const task = this.tasks.get(to)
    assert.ok(task !== undefined)
    task.orders.push({ attempt, order })
  }

  /** Keeps books of what is complete, and of what attempts begin from. */
  #note(before: CoordinatorImage): void {
    for (const effect of this.image.effects) {
      if (effect.type === 'deploy') this.#restoredFrom.set(effect.attempt, effect.restoredFrom)
    }
    const { completed, lastSavepoint } = this.image.coordinator
    for (const one of [...completed, lastSavepoint]) {
      if (one === undefined || this.#expected.has(one.location)) continue
      const acked = this.#acked.get(one.checkpointId)
      assert.ok(acked !== undefined, 'what is complete was acknowledged')
      assert.equal(acked.size, before.coordinator.tasks.length, 'by every task')
      this.#expected.set(one.location, added([...acked.values()]))
    }
  }

  /** A task takes its next order. At a start, all of them together have what the checkpoint had. */
  async obey(task: PlayedTask): Promise<void> {
    await task.catchUp(this.runtime)
    const isStart = task.orders[0]?.order.type === 'start'
    const reports = task.obey((barrier) => this.#pass(barrier))
    this.report(task, reports)
    const { running } = this
    if (!isStart || running.some((one) => one.attempt !== task.attempt || one.phase !== 'running')) return
    const location = this.#restoredFrom.get(task.attempt)
    const expected = location === undefined ? new Map<number, number>() : this.#expected.get(location)
    assert.ok(expected !== undefined, `${location} was complete`)
    const begunWith = added(running.map((one) => marked(one, one.begunWith)))
    assert.deepEqual(begunWith, nonZero(expected), `attempt ${task.attempt} begins with what ${location} has`)
  }

  async acknowledge(task: PlayedTask): Promise<void> {
    await task.catchUp(this.runtime)
    const reports = await task.acknowledge(this.runtime, (checkpointId, counts) => {
      const all = this.#acked.get(checkpointId) ?? new Map<ActorId, Counts>()
      this.#acked.set(checkpointId, all.set(task.actor, marked(task, counts)))
    })
    this.report(task, reports)
  }

  #pass(barrier: {
    readonly checkpointId: number
    readonly kind: 'checkpoint' | 'savepoint'
    readonly attempt: number
  }): void {
    const key = `${barrier.attempt}/${barrier.checkpointId}`
    const passed = (this.#passed.get(key) ?? 0) + 1
    this.#passed.set(key, passed)
    if (passed < this.running.filter(({ isSource }) => isSource).length) return
    for (const task of this.running)
      if (!task.isSource && task.attempt <= barrier.attempt) task.barriers.push(barrier)
  }

  /** Everybody does all that there is to do now; time stands still. */
  async settle(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      let busy = false
      while (this.inbox.length > 0 || this.#more || this.image.effects.length > 0) {
        await this.turn()
        busy = true
      }
      for (const task of this.tasks.values()) {
        await task.catchUp(this.runtime)
        if (!task.isLost) this.report(task, task.ready())
        while (task.orders.length > 0 && !task.isLost) {
          await this.obey(task)
          busy = true
        }
        while (!task.isLost && task.runs && task.barriers.length + task.copying.length > 0) {
          await this.acknowledge(task)
          busy = true
        }
      }
      if (!busy && this.inbox.length === 0) return
    }
    assert.fail('it never comes to rest')
  }

  /** Time passes, and whoever wants to be woken is. */
  async after(ms: number): Promise<void> {
    this.clock.advance(ms)
    this.inbox.push({ type: 'nudge' })
    await this.settle()
  }

  work(vertex: string, keyGroup = 0): void {
    for (const task of this.running) {
      if (task.id.startsWith(`${vertex}#`) && task.range.first <= keyGroup && keyGroup <= task.range.last)
        this.report(task, task.work(keyGroup))
    }
  }

  of(id: string): PlayedTask {
    return this.tasks.get(taskActor(id as never))!
  }

  get hasEnded(): boolean {
    return isTerminal(this.status)
  }
}

/** Sources stand apart from key groups. */
function marked(task: PlayedTask, counts: Counts): Counts {
  return task.isSource ? new Map([[-1, counts.get(0) ?? 0]]) : counts
}

function added(all: readonly Counts[]): Counts {
  const sum = new Map<number, number>()
  for (const counts of all) for (const [key, count] of counts) sum.set(key, (sum.get(key) ?? 0) + count)
  return nonZero(sum)
}

function nonZero(counts: Counts): Counts {
  return new Map([...counts].filter(([, count]) => count !== 0).toSorted(([a], [b]) => a - b))
}
