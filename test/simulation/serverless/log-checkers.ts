import { decodeMetadata } from '../../../lib/checkpoint/metadata-codec.ts'
import type { CheckpointRecord } from '../../../lib/checkpoint/checkpoint-record.ts'
import { actorKind, COORDINATOR, taskActor } from '../../../lib/model/actors.ts'
import type { Element } from '../../../lib/model/elements.ts'
import { taskId, type ActorId, type TaskId } from '../../../lib/model/ids.ts'
import { sha256 } from '../../../lib/node/sha256.ts'
import type { ElementsPayload, Stashed, TaskReport } from '../../../lib/serverless/protocol.ts'
import type { TaskDelta } from '../../../lib/serverless/task/task-state.ts'
import { groupBy } from '../reference.ts'
import type { Ledger, Logged, LoggedTurn, PutBlob } from './ledger.ts'

// They look at what is in the tables, and know nothing of the program but what its tasks said to each other.

type Logs = ReadonlyMap<ActorId, readonly Logged[]>

/** What is wrong with the logs and the checkpoints that were written. */
export async function logProblems(ledger: Ledger, mode: 'exactly-once' | 'at-least-once'): Promise<string[]> {
  const logs = await ledger.logs()
  const channels = channelsOf(logs, ledger)
  return [
    ...ledger.violations,
    ...chainProblems(logs),
    ...isolationProblems(logs),
    ...channelProblems(logs, channels),
    ...watermarkProblems(channels),
    ...checkpointProblems(ledger, logs, channels, mode),
  ]
}

/** For an actor, one chain of turns per attempt, that goes on from a place in the log (invariant 2, fencing). */
function chainProblems(logs: Logs): string[] {
  const problems: string[] = []
  for (const [actor, log] of logs) {
    const attempts = groupBy(
      log.map(({ item }) => item).filter((item) => item.type !== 'fence'),
      ({ attempt }) => attempt,
    )
    for (const [attempt, [first, ...turns]] of attempts) {
      const wrong = (what: string): unknown => problems.push(`fencing: ${actor}, attempt ${attempt}: ${what}`)
      if (first === undefined) continue
      if (actorKind(actor) === 'task' && first.type !== 'genesis') wrong('begins without a genesis')
      let { position } = first
      let nowMs = first.type === 'turn' ? first.nowMs : Number.NEGATIVE_INFINITY
      if (first.type === 'genesis' && first.genesis.base !== undefined) {
        const { base } = first.genesis
        const there = attempts.get(base.attempt)?.find((item) => item.position === base.position)
        if (there === undefined) wrong(`its base ${base.attempt}/${base.position} is not in the log`)
        else if (there.type === 'turn') nowMs = there.nowMs
        if (position !== base.position + 1) wrong(`position ${position} follows its base at ${base.position}`)
      }
      for (const turn of turns) {
        if (turn.type !== 'turn') wrong('has two geneses')
        else {
          if (turn.nowMs < nowMs) wrong(`time goes back at ${turn.position} (invariant 10)`)
          nowMs = turn.nowMs
        }
        if (turn.position !== position + 1) wrong(`${turn.position} follows ${position}`)
        position = turn.position
      }
    }
  }
  return problems
}

/** Turns are taken by the function that the actor belongs to (invariant 12, isolation, within a job). */
function isolationProblems(logs: Logs): string[] {
  const functionOf = { task: 'operator', coordinator: 'coordinator', ingest: 'ingest' } as const
  return [...logs].flatMap(([actor, log]) =>
    log
      .filter(({ item, by }) => item.type === 'turn' && !by.startsWith(functionOf[actorKind(actor)]))
      .map(({ by }) => `isolation: ${by} takes a turn of ${actor}`),
  )
}

/** All that one actor sent another in one attempt. */
interface Channel {
  readonly from: ActorId
  readonly to: ActorId
  readonly attempt: number
  readonly messages: Sent[]
}

interface Sent {
  readonly sequence: number
  readonly payload: unknown
  /** Of the turn that sends it. */
  readonly position: number
  readonly order: number
}

type Channels = ReadonlyMap<string, Channel>

const channelId = (from: ActorId, to: ActorId, attempt: number): string => `${from} to ${to} in ${attempt}`

function turnsOf(log: readonly Logged[] | undefined): LoggedTurn[] {
  return (log ?? []).filter((one): one is LoggedTurn => one.item.type === 'turn')
}

function channelsOf(logs: Logs, ledger: Ledger): Channels {
  const channels = new Map<string, Channel>()
  for (const [from, log] of logs) {
    for (const { item, order } of turnsOf(log)) {
      for (const { to, attempt, sequence, payload } of item.outbox) {
        const id = channelId(from, to, attempt)
        const channel = channels.get(id) ?? { from, to, attempt, messages: [] }
        channels.set(id, channel)
        channel.messages.push({ sequence, payload: ledger.payload(payload), position: item.position, order })
      }
    }
  }
  return channels
}

/** Every receiver takes each channel's messages once, in order, and none before it was committed (invariants 1 and 3). */
function channelProblems(logs: Logs, channels: Channels): string[] {
  const problems: string[] = []
  for (const [id, { messages }] of channels) {
    const gap = messages.findIndex(({ sequence }, index) => sequence !== index)
    if (gap >= 0) problems.push(`channels: ${id}: message ${gap} has the number ${messages[gap]!.sequence}`)
  }
  for (const [to, log] of logs) {
    const taken = new Map<string, number>()
    for (const { item, order } of turnsOf(log)) {
      for (const { from, attempt, next } of item.consumed) {
        const id = channelId(from, to, attempt)
        const wrong = (what: string): unknown =>
          problems.push(`channels: ${id}, at ${item.position}: ${what}`)
        if (actorKind(to) === 'task' && attempt !== item.attempt) wrong(`is taken in attempt ${item.attempt}`)
        const before = taken.get(id) ?? 0
        if (next <= before) wrong(`takes ${next - 1} after ${before - 1}`)
        taken.set(id, next)
        const last = channels.get(id)?.messages[next - 1]
        if (last === undefined) wrong(`takes ${next - 1}, which was never sent`)
        else if (last.order > order) wrong(`takes ${next - 1} before its turn was committed`)
      }
    }
  }
  return problems
}

/** Watermarks never go back (invariant 10, time). */
function watermarkProblems(channels: Channels): string[] {
  return [...channels].flatMap(([id, channel]) => {
    let last = Number.NEGATIVE_INFINITY
    return edgesOf(channel).flatMap((edge) => {
      last = Number.NEGATIVE_INFINITY
      return elementsOf(channel, edge).flatMap(({ element }) => {
        if (element.kind !== 'watermark') return []
        const isBack = element.timestampMs < last
        last = element.timestampMs
        return isBack ? [`time: ${id}: the watermark goes back to ${element.timestampMs}`] : []
      })
    })
  })
}

interface SentElement {
  readonly element: Element
  readonly sequence: number
  readonly position: number
}

function payloadsOf({ messages }: Channel): (Sent & { payload: ElementsPayload })[] {
  return messages.filter((one): one is Sent & { payload: ElementsPayload } => {
    return (one.payload as { type?: unknown }).type === 'elements'
  })
}

function edgesOf(channel: Channel): number[] {
  return [...new Set(payloadsOf(channel).map(({ payload }) => payload.edge))]
}

function elementsOf(channel: Channel, edge: number): SentElement[] {
  return payloadsOf(channel).flatMap(({ payload, sequence, position }) =>
    payload.edge === edge ? payload.elements.map((element) => ({ element, sequence, position })) : [],
  )
}

function checkpointProblems(
  ledger: Ledger,
  logs: Logs,
  channels: Channels,
  mode: 'exactly-once' | 'at-least-once',
): string[] {
  const records = ledger.blobs.filter(({ name }) => name.endsWith('/_metadata'))
  return records.flatMap((blob) => {
    const record = decodeMetadata(blob.bytes, blob.name, sha256)
    const all = [
      ...completionProblems(record, blob, logs, channels),
      ...(record.kind === 'checkpoint' ? cutProblems(record, logs, channels, mode) : []),
    ]
    return all.map((what) => `${blob.name}: ${what}`)
  })
}

function tasksOf({ vertices }: CheckpointRecord): TaskId[] {
  return vertices.flatMap(({ id, parallelism }) =>
    Array.from({ length: parallelism }, (_, subtask) => taskId(id, subtask)),
  )
}

/** Every task acknowledged the checkpoint, in the attempt that it is of, before it was complete (invariant 5). */
function completionProblems(
  record: CheckpointRecord,
  { order }: PutBlob,
  logs: Logs,
  channels: Channels,
): string[] {
  return tasksOf(record).flatMap((task) => {
    const channel = channels.get(channelId(taskActor(task), COORDINATOR, record.attempt))
    const acknowledgement = channel?.messages.find(({ payload }) => {
      const report = payload as TaskReport
      return report.type === 'acknowledge' && report.checkpointId === record.checkpointId
    })
    if (acknowledgement === undefined) return [`completion: ${task} never acknowledged it`]
    if (acknowledgement.order > order) return [`completion: ${task} acknowledged it later`]
    const heard = turnsOf(logs.get(COORDINATOR)).some(
      (turn) =>
        turn.order < order &&
        turn.item.consumed.some(
          ({ from, attempt, next }) =>
            from === taskActor(task) && attempt === record.attempt && next > acknowledgement.sequence,
        ),
    )
    return heard ? [] : [`completion: the coordinator had not committed that it heard of ${task}`]
  })
}

/** Each task's state at its position has the effects of what came before the barrier, and of nothing else (invariant 4). */
function cutProblems(
  record: CheckpointRecord,
  logs: Logs,
  channels: Channels,
  mode: 'exactly-once' | 'at-least-once',
): string[] {
  const positions = record.logs
  if (positions === undefined) return ['cut: it has no positions']
  const problems: string[] = []
  for (const channel of channels.values()) {
    if (channel.attempt !== record.attempt || channel.from === COORDINATOR || channel.to === COORDINATOR)
      continue
    const [from, to] = [channel.from, channel.to].map(
      (actor) => positions[actor.slice('task:'.length) as TaskId],
    )
    for (const edge of edgesOf(channel)) {
      const wrong = (what: string): unknown =>
        problems.push(`cut: ${channel.from} to ${channel.to}, edge ${edge}: ${what}`)
      const elements = elementsOf(channel, edge)
      const barrier = elements.findIndex(
        ({ element }) => element.kind === 'barrier' && element.checkpointId === record.checkpointId,
      )
      if (from === undefined || to === undefined || barrier < 0) {
        wrong('it is no part of it')
        continue
      }
      const taken = takenBy(logs.get(channel.to)!, channel, edge, to.position)
      const expected = barrier + 1
      if (taken > expected && mode === 'exactly-once')
        wrong(`the state at ${to.position} is of ${taken} elements, and the barrier is element ${barrier}`)
      // What an unaligned barrier overtook is part of the checkpoint: see `inFlightFrom`.
      if (from.channels !== undefined) continue
      if (elements[barrier]!.position !== from.position)
        wrong(`the barrier is at ${elements[barrier]!.position}, and the state at ${from.position}`)
      if (taken < expected)
        wrong(
          `the state at ${to.position} is of ${taken} elements only, and the barrier is element ${barrier}`,
        )
    }
  }
  return problems
}

/** How many elements of a channel the receiver had taken at a position, not counting those that waited. */
function takenBy(log: readonly Logged[], channel: Channel, edge: number, position: number): number {
  let next = 0
  let stashed: readonly (Stashed | undefined)[] = []
  for (const { item } of turnsOf(log)) {
    if (item.attempt !== channel.attempt || item.position > position) continue
    next = item.consumed.find(({ from }) => from === channel.from)?.next ?? next
    const { stash } = (item.delta ?? {}) as TaskDelta
    const before = stashed
    // What the attempt began with is of no channel of its own.
    if (stash !== undefined) stashed = stash.map((one) => (typeof one === 'number' ? before[one] : one))
  }
  const waiting = stashed
    .filter((one) => one?.at === undefined && one?.from === channel.from && one.edge === edge)
    .reduce((sum, one) => sum + (one?.elements.length ?? 0), 0)
  return elementsOf(channel, edge).filter(({ sequence }) => sequence < next).length - waiting
}
