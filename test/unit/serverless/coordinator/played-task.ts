import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ChannelCounts, SegmentHandle } from '../../../../lib/checkpoint/checkpoint-record.ts'
import type { TaskAck } from '../../../../lib/checkpoint/task-ack.ts'
import { taskActor } from '../../../../lib/model/actors.ts'
import { taskId, type ActorId, type TaskId } from '../../../../lib/model/ids.ts'
import { inRange, keyGroupRange, type KeyGroupRange } from '../../../../lib/model/key-groups.ts'
import type { Genesis } from '../../../../lib/serverless/actor/behaviour.ts'
import { decodeEntry } from '../../../../lib/serverless/actor/log-entry.ts'
import { savepointDirectory } from '../../../../lib/serverless/savepoint-place.ts'
import type { TaskGenesis, TaskOrder, TaskReport } from '../../../../lib/serverless/protocol.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import { decodeValue, encodeValue } from '../../../../lib/state/codec.ts'
import { KEY_GROUPS } from './played-plan.ts'

/** State of one task: what it counted by key group, or where a source stands. */
export type Counts = ReadonlyMap<number, number>

/** Rows of all namespaces, as a table would have them. */
export type Rows = Map<string, { readonly position: number; readonly count: number }>

interface Order {
  readonly attempt: number
  readonly order: TaskOrder
}

interface Barrier {
  readonly checkpointId: number
  readonly kind: 'checkpoint' | 'savepoint'
  readonly attempt: number
}

/** A savepoint whose rows are being copied, as of a position. */
interface Copying {
  readonly checkpointId: number
  readonly ack: TaskAck
  readonly counts: Counts
  readonly position: number
}

const SITE = { operatorUid: 'played', state: 'counts' }

/**
 * A task as the coordinator sees one: it reads its log for geneses, obeys orders and acknowledges barriers. What it holds
 * is a number for each key group, so that what a restore gives it can be compared with what it had. It checks what it is
 * told: a base that it can go back to, rows that have not gone beyond, a namespace that is its own.
 */
export class PlayedTask {
  readonly id: TaskId
  readonly isSource: boolean
  range!: KeyGroupRange
  attempt = 0
  position = 0
  namespace = ''
  phase: 'none' | 'importing' | 'waiting' | 'running' | 'over' = 'none'
  counts: Map<number, number> = new Map()
  /** What the present attempt began with. */
  begunWith: Counts = new Map()
  active = false
  /** The last acknowledgement said that nothing was done. */
  isQuiet = false
  /** The highest position that it may have folded, on this chain. */
  folded = 0
  completeIds: number[] = []
  /** Its function does not get on: orders wait, and nothing is acknowledged. */
  isLost = false
  /** What it tells of them. */
  channels: ChannelCounts = { received: {}, sent: {} }
  readonly orders: Order[] = []
  readonly barriers: Barrier[] = []
  readonly copying: Copying[] = []
  readonly #aborted = new Set<number>()
  #runId = ''
  readonly #rows: Rows
  readonly #subtask: number
  /** By position, on the present chain: the state at acknowledged barriers. */
  #chain = new Map<number, Counts>()
  readonly #snapshots = new Map<string, Counts>()
  #cursor: string | undefined
  #fenced = 0
  /** There is something to import before it may start. */
  #hasSegments = false

  constructor(vertexId: string, subtask: number, parallelism: number, rows: Rows) {
    this.id = taskId(vertexId, subtask)
    this.isSource = vertexId === 'numbers'
    this.#subtask = subtask
    this.#rows = rows
    this.rescale(parallelism)
  }

  /** The code that runs it has another parallelism from now on. */
  rescale(parallelism: number): void {
    this.range = keyGroupRange(KEY_GROUPS, parallelism, this.#subtask)
  }

  get actor(): ActorId {
    return taskActor(this.id)
  }

  get runs(): boolean {
    return this.phase === 'running' && this.#fenced < this.attempt
  }

  get isFenced(): boolean {
    return this.#fenced >= this.attempt
  }

  /** Reads what the coordinator wrote to its log. */
  async catchUp(runtime: JobRuntime): Promise<void> {
    const { entries } = await runtime.log.read(this.actor, this.#cursor)
    for (const entry of entries) {
      const item = await decodeEntry(entry, runtime.blobs)
      this.#cursor = entry.sort
      if (item.type === 'fence') this.#fenced = Math.max(this.#fenced, item.attempt)
      if (item.type === 'genesis') await this.#begin(item.genesis, item.position, runtime)
    }
  }

  /** A record: one more of some key group. */
  work(keyGroup: number): TaskReport[] {
    if (!this.runs) return []
    this.position++
    const own = this.isSource ? 0 : this.range.first + (keyGroup % (this.range.last - this.range.first + 1))
    this.counts.set(own, (this.counts.get(own) ?? 0) + 1)
    this.active = true
    if (!this.isQuiet) return []
    this.isQuiet = false
    return [{ type: 'active' }]
  }

  ready(): TaskReport[] {
    if (this.phase !== 'importing') return []
    this.phase = 'waiting'
    this.#hasSegments = false
    return [{ type: 'ready' }]
  }

  fail(message: string): TaskReport[] {
    if (!this.runs) return []
    this.phase = 'over'
    return [{ type: 'failed', cause: { message } }]
  }

  /** Obeys the next order. `pass`: a source's barrier goes on to the tasks behind it. */
  obey(pass: (barrier: Barrier) => void): TaskReport[] {
    const next = this.isLost ? undefined : this.orders.shift()
    if (next === undefined) return []
    if (next.attempt < this.attempt || this.isFenced) return []
    assert.equal(next.attempt, this.attempt, `${this.id} has its genesis before it gets orders`)
    const { order } = next
    switch (order.type) {
      case 'start':
        assert.ok(this.phase === 'waiting' || this.phase === 'importing', 'a task is started once')
        assert.ok(!this.#hasSegments, `${this.id} is started when its state is there`)
        this.phase = 'running'
        return []
      case 'trigger':
        assert.ok(this.isSource, 'barriers begin at sources')
        if (this.phase !== 'running') return []
        pass({ checkpointId: order.checkpointId, kind: order.kind, attempt: this.attempt })
        this.barriers.push({ checkpointId: order.checkpointId, kind: order.kind, attempt: this.attempt })
        return []
      case 'complete':
        assert.ok(order.checkpointId > (this.completeIds.at(-1) ?? 0), 'ids of complete checkpoints go up')
        this.completeIds.push(order.checkpointId)
        this.#fold(order.restorableFrom)
        return []
      case 'restorable-from':
        this.#fold(order.position)
        return []
      case 'aborted':
        this.#aborted.add(order.checkpointId)
        this.copying.splice(
          0,
          Infinity,
          ...this.copying.filter((one) => one.checkpointId !== order.checkpointId),
        )
        return []
      case 'tell-quiescence': {
        const { active, position } = this
        this.isQuiet = !active
        this.active = false
        return [{ type: 'quiescence', active, position, channels: this.channels }]
      }
      case 'finish':
        this.phase = 'over'
        return [{ type: 'closed' }]
      case 'materialize':
        this.phase = 'over'
        this.#fold(order.position)
        return [{ type: 'materialized', position: order.position }]
    }
  }

  /** Acknowledges the next barrier that came. */
  async acknowledge(
    runtime: JobRuntime,
    acked: (checkpointId: number, counts: Counts) => void,
  ): Promise<TaskReport[]> {
    if (!this.runs || this.isLost) return []
    const barrier = this.barriers.shift()
    if (barrier === undefined) return this.#copied(runtime)
    if (barrier.attempt !== this.attempt || this.#aborted.has(barrier.checkpointId)) return []
    const { checkpointId, kind } = barrier
    this.position++
    const counts: Counts = new Map(this.counts)
    this.#chain.set(this.position, counts)
    this.#snapshots.set(`${this.attempt}/${this.position}`, counts)
    acked(checkpointId, counts)
    const ack = ackOf(this, this.active)
    this.isQuiet = !this.active
    this.active = false
    if (kind === 'checkpoint' || this.isSource) return [{ type: 'acknowledge', checkpointId, ack }]
    this.copying.push({ checkpointId, ack, counts, position: this.position })
    return []
  }

  /** The rows of a savepoint are copied while records go on. */
  async #copied(runtime: JobRuntime): Promise<TaskReport[]> {
    const next = this.copying.shift()
    if (next === undefined) return []
    const { checkpointId, counts, ack } = next
    const segments = await this.#copy(runtime, checkpointId, counts)
    const operators = ack.operators.map((own) => (own.uid === 'count' ? { ...own, segments } : own))
    return [{ type: 'acknowledge', checkpointId, ack: { ...ack, operators } }]
  }

  async #begin(genesis: Genesis, position: number, runtime: JobRuntime): Promise<void> {
    const { attempt, base } = genesis
    const content = genesis.content as TaskGenesis
    assert.ok(attempt > this.attempt, 'attempts count up')
    this.attempt = attempt
    this.#runId = content.runId
    this.active = false
    this.isQuiet = false
    this.barriers.splice(0, Infinity, ...this.barriers.filter((one) => one.attempt === attempt))
    this.copying.length = 0
    this.completeIds = []
    this.phase = content.restore === undefined ? 'waiting' : 'importing'
    this.#hasSegments = (content.restore?.segments.length ?? 0) > 0
    if (base === undefined) {
      this.#chain = new Map()
      this.folded = 0
      this.namespace = content.namespace
      this.counts = await this.#restored(content, runtime)
    } else {
      const counts = this.#snapshots.get(`${base.attempt}/${base.position}`)
      assert.ok(counts !== undefined, `${this.id} acknowledged at ${base.attempt}/${base.position}`)
      assert.equal(this.#chain.get(base.position), counts, 'the base lies on the chain')
      assert.ok(base.position >= this.folded, `${this.id} can go back: ${base.position} >= ${this.folded}`)
      assert.equal(position, base.position + 1)
      assert.equal(content.namespace, this.namespace, 'state of one chain is in one namespace')
      this.#chain = new Map([...this.#chain].filter(([at]) => at <= base.position))
      this.counts = new Map(counts)
      for (const [key, row] of this.#ownRows()) {
        assert.ok(row.position <= base.position, `no row of ${key} has gone beyond the base`)
      }
    }
    this.begunWith = new Map(this.counts)
    this.position = position
  }

  async #restored({ namespace, restore }: TaskGenesis, runtime: JobRuntime): Promise<Map<number, number>> {
    if (restore === undefined) {
      assert.deepEqual([...this.#ownRows(namespace)], [], 'a job that begins from nothing finds no rows')
      return new Map()
    }
    const { segments, operatorState, positionFloor } = restore
    if (positionFloor === 0)
      assert.deepEqual([...this.#ownRows(namespace)], [], 'a new namespace has no rows')
    if (this.isSource) {
      const state = operatorState.find(([uid]) => uid === 'numbers')?.[1]
      const items = state?.['position']?.items ?? []
      return new Map([[0, items.reduce((sum, item) => sum + (decodeValue(item) as number), 0)]])
    }
    for (const [, handles] of segments) {
      for (const { blob, keyGroups } of handles) {
        const bytes = await runtime.blobs.get(blob)
        assert.ok(bytes !== undefined, `${blob} is there`)
        for (const [keyGroup, count] of decodeValue(bytes) as [number, number][]) {
          if (inRange(keyGroups, keyGroup)) this.#rows.set(`${namespace}/${keyGroup}`, { position: 0, count })
        }
      }
    }
    const rows = [...this.#ownRows(namespace)]
    for (const [, { position }] of rows) assert.ok(position <= positionFloor, 'rows are not above the floor')
    return new Map(rows.map(([key, { count }]) => [Number(key.split('/')[1]), count]))
  }

  /** May fold and materialize up to there, and does. */
  #fold(position: number): void {
    assert.ok(position >= this.folded || position === 0, 'what may be folded goes up')
    assert.ok(position <= this.position, 'what may be folded was done')
    for (const copying of this.copying)
      assert.ok(position <= copying.position, 'what is copied is not folded')
    this.folded = Math.max(this.folded, position)
    const counts = this.#chain.get(position)
    if (counts === undefined || this.isSource) return
    for (const [keyGroup, count] of counts) {
      const key = `${this.namespace}/${keyGroup}`
      if ((this.#rows.get(key)?.position ?? -1) < position) this.#rows.set(key, { position, count })
    }
  }

  *#ownRows(namespace = this.namespace): Generator<[string, { position: number; count: number }]> {
    for (const [key, row] of this.#rows) {
      const [of, keyGroup] = key.split('/')
      if (!this.isSource && of === namespace && inRange(this.range, Number(keyGroup))) yield [key, row]
    }
  }

  async #copy(runtime: JobRuntime, checkpointId: number, counts: Counts): Promise<SegmentHandle[]> {
    const bytes = encodeValue([...counts], SITE).slice()
    const run = { jobName: runtime.plan.jobName, runId: this.#runId }
    const blob = `${this.id.replaceAll('#', '-')}-${checkpointId}`
    await runtime.blobs.putIfAbsent(`${savepointDirectory(run, checkpointId)}/${blob}`, bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const place = { blob, offsetBytes: 0, lengthBytes: bytes.length, sha256 }
    return [{ ...place, rows: counts.size, keyGroups: this.range }]
  }
}

function ackOf(task: PlayedTask, active: boolean): TaskAck {
  const figures = { alignmentMs: 0, durationMs: 1, bytes: 1, fullBytes: 1, records: 1 }
  const common = { maxParallelism: KEY_GROUPS, segments: [] }
  const item = encodeValue(task.counts.get(0) ?? 0, SITE).slice()
  const position = { position: { redistribution: 'split' as const, items: [item] } }
  return {
    watermarkMs: 7,
    finished: false,
    position: task.position,
    active,
    figures,
    operators: task.isSource
      ? [{ uid: 'numbers', name: 'numbers', states: [], operatorState: position, ...common }]
      : [
          {
            uid: 'count',
            name: 'count',
            maxParallelism: KEY_GROUPS,
            states: [{ name: 'count', kind: 'value', ttl: false }],
            segments: [],
            operatorState: {},
          },
          { uid: 'out', name: 'out', states: [], operatorState: {}, ...common },
        ],
  }
}
