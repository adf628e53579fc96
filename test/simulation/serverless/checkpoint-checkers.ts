import type { CheckpointRecord } from '../../../lib/checkpoint/checkpoint-record.ts'
import { decodeMetadata } from '../../../lib/checkpoint/metadata-codec.ts'
import { COORDINATOR, taskActor } from '../../../lib/model/actors.ts'
import type { Element } from '../../../lib/model/elements.ts'
import { taskId, type TaskId } from '../../../lib/model/ids.ts'
import { sha256 } from '../../../lib/node/sha256.ts'
import type { Stashed, TaskReport } from '../../../lib/serverless/protocol.ts'
import type { TaskDelta } from '../../../lib/serverless/task/task-state.ts'
import {
  channelId,
  contentOf,
  edgesOf,
  elementsOf,
  turnsOf,
  type Channel,
  type Channels,
  type Logs,
} from './channels.ts'
import type { Ledger, Logged } from './ledger.ts'

/** The record of a checkpoint or savepoint, as it was stored first. */
export interface StoredRecord {
  readonly name: string
  readonly record: CheckpointRecord
  readonly order: number
}

/** Every record that was ever stored. */
export function recordsOf({ blobs }: Ledger): StoredRecord[] {
  return blobs
    .filter(({ name }) => name.endsWith('/_metadata'))
    .map(({ name, bytes, order }) => ({ name, record: decodeMetadata(bytes, name, sha256), order }))
}

export function checkpointProblems(
  records: readonly StoredRecord[],
  logs: Logs,
  channels: Channels,
  mode: 'exactly-once' | 'at-least-once',
): string[] {
  return records.flatMap((stored) => {
    const { record, name } = stored
    const all = [
      ...completionProblems(stored, logs, channels),
      ...(record.kind === 'checkpoint' ? cutProblems(record, logs, channels, mode) : []),
      ...underWayProblems(record, logs, channels),
    ]
    return all.map((what) => `${name}: ${what}`)
  })
}

export function tasksOf({ vertices }: CheckpointRecord): TaskId[] {
  return vertices.flatMap(({ id, parallelism }) =>
    Array.from({ length: parallelism }, (_, subtask) => taskId(id, subtask)),
  )
}

/**
 * Every task acknowledged the checkpoint, in the attempt that it is of, before it was complete; and where it did so is where the
 * record has it (invariant 5).
 */
function completionProblems({ record, order }: StoredRecord, logs: Logs, channels: Channels): string[] {
  return tasksOf(record).flatMap((task) => {
    const message = acknowledgementOf(record, task, channels)
    if (message === undefined) return [`completion: ${task} never acknowledged it`]
    if (message.order > order) return [`completion: ${task} acknowledged it later`]
    const { ack } = message.payload as Acknowledgement
    const position = record.logs?.[task]?.position
    // A savepoint is of no place in a log.
    if (record.kind === 'checkpoint' && ack.position !== position)
      return [`completion: ${task} acknowledged it at ${ack.position}, and the record has it at ${position}`]
    const heard = turnsOf(logs.get(COORDINATOR)).some(
      (turn) =>
        turn.order < order &&
        turn.item.consumed.some(
          ({ from, attempt, next }) =>
            from === taskActor(task) && attempt === record.attempt && next > message.sequence,
        ),
    )
    return heard ? [] : [`completion: the coordinator had not committed that it heard of ${task}`]
  })
}

type Acknowledgement = Extract<TaskReport, { type: 'acknowledge' }>

function acknowledgementOf(
  { checkpointId, attempt }: CheckpointRecord,
  task: TaskId,
  channels: Channels,
): Channel['messages'][number] | undefined {
  const channel = channels.get(channelId(taskActor(task), COORDINATOR, attempt))
  return channel?.messages.find(({ payload }) => isAcknowledgement(payload, checkpointId))
}

/** Where the barrier is in a task's log: by the record, and by what the task said of a savepoint, whose record does not tell. */
export function positionIn(record: CheckpointRecord, task: TaskId, channels: Channels): number | undefined {
  if (record.kind === 'checkpoint') return record.logs?.[task]?.position
  const message = acknowledgementOf(record, task, channels)
  return message === undefined ? undefined : (message.payload as Acknowledgement).ack.position
}

function isAcknowledgement(payload: unknown, checkpointId: number): boolean {
  const report = payload as TaskReport
  return report.type === 'acknowledge' && report.checkpointId === checkpointId
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
      const taken = takenBy(inboxAt(logs.get(channel.to), channel, to.position), channel, edge)
      const expected = barrier + 1
      if (taken > expected && mode === 'exactly-once')
        wrong(`the state at ${to.position} is of ${taken} elements, and the barrier is element ${barrier}`)
      if (elements[barrier]!.position !== from.position)
        wrong(`the barrier is at ${elements[barrier]!.position}, and the state at ${from.position}`)
      // What an unaligned barrier overtook is part of the checkpoint: see `underWayProblems`.
      if (taken < expected && from.channels === undefined)
        wrong(
          `the state at ${to.position} is of ${taken} elements only, and the barrier is element ${barrier}`,
        )
    }
  }
  return problems
}

/**
 * What the record says of channels is what the logs have: how far the receiver had taken at its barrier, and how far the sender
 * had sent at its own. What lies between was under way, and so was what had come and waits: that is what came last (invariant 4).
 */
function underWayProblems(record: CheckpointRecord, logs: Logs, channels: Channels): string[] {
  const positions = record.logs ?? {}
  const tasks = tasksOf(record)
  if (tasks.every((task) => positions[task]?.channels === undefined)) return []
  const problems: string[] = []
  for (const from of tasks) {
    for (const to of tasks) {
      const wrong = (what: string): unknown => problems.push(`under way: ${from} to ${to}: ${what}`)
      const [sender, receiver] = [positions[from], positions[to]]
      if (sender?.channels === undefined || receiver?.channels === undefined) {
        wrong('the record tells of some tasks only how far their channels were')
        continue
      }
      const channel = channels.get(channelId(taskActor(from), taskActor(to), record.attempt))
      const { first, end } = stretchAt(channel, logs, sender.position, receiver.position)
      const told = { first: receiver.channels.received[from] ?? 0, end: sender.channels.sent[to] ?? 0 }
      if (told.first !== first) wrong(`${told.first} are told to have been taken, and ${first} were`)
      if (told.end !== end) wrong(`${told.end} are told to have been sent, and ${end} were`)
      if (channel === undefined) continue
      const inbox = inboxAt(logs.get(channel.to), channel, receiver.position)
      for (const edge of edgesOf(channel))
        if (!isWhatCameLast(arrivedOn(inbox, channel, edge)))
          wrong(`what waits of edge ${edge} is not what came last`)
    }
  }
  return problems
}

/** The numbers of the messages of a channel that were sent up to one position, and not taken up to another. */
export function stretchAt(
  channel: Channel | undefined,
  logs: Logs,
  senderPosition: number,
  receiverPosition: number,
): { readonly first: number; readonly end: number } {
  if (channel === undefined) return { first: 0, end: 0 }
  return {
    first: inboxAt(logs.get(channel.to), channel, receiverPosition).next,
    end: channel.messages.filter(({ position }) => position <= senderPosition).length,
  }
}

/** What a receiver had taken out of a channel's messages at a position. */
interface Inbox {
  /** The number of the message that it expects next. */
  readonly next: number
  /** Of those that it took: what waits at it, and may be of other channels. */
  readonly stashed: readonly (Stashed | undefined)[]
}

function inboxAt(log: readonly Logged[] | undefined, channel: Channel, position: number): Inbox {
  let next = 0
  let stashed: Inbox['stashed'] = []
  for (const { item } of turnsOf(log)) {
    if (item.attempt !== channel.attempt || item.position > position) continue
    next = item.consumed.find(({ from }) => from === channel.from)?.next ?? next
    const { stash } = (item.delta ?? {}) as TaskDelta
    const before = stashed
    // What the attempt began with is of no channel of its own.
    if (stash !== undefined) stashed = stash.map((one) => (typeof one === 'number' ? before[one] : one))
  }
  return { next, stashed }
}

function waitingIn({ stashed }: Inbox, { from }: Channel, edge: number): readonly Element[] {
  return stashed.flatMap((one) =>
    one !== undefined && one.at === undefined && one.from === from && one.edge === edge ? one.elements : [],
  )
}

/** How many elements of a channel the receiver had taken, not counting those that waited. */
function takenBy(inbox: Inbox, channel: Channel, edge: number): number {
  const came = elementsOf(channel, edge).filter(({ sequence }) => sequence < inbox.next).length
  return came - waitingIn(inbox, channel, edge).length
}

/** What came on a channel and what waits of it, one by one. */
interface Arrived {
  readonly came: readonly string[]
  readonly waiting: readonly string[]
  /** How many of those that wait came with the attempt. */
  readonly given: number
}

/** Where some of what was given to the attempt waits still, all that came waits behind it. */
function arrivedOn(inbox: Inbox, channel: Channel, edge: number): Arrived {
  const sent = elementsOf(channel, edge).filter(({ sequence }) => sequence < inbox.next)
  const came = contentOf(sent.map(({ element }) => element))
  const waiting = contentOf(waitingIn(inbox, channel, edge))
  return { came, waiting, given: Math.max(0, waiting.length - came.length) }
}

function isWhatCameLast({ came, waiting, given }: Arrived): boolean {
  const own = waiting.slice(given)
  return came.slice(came.length - own.length).every((one, index) => one === own[index])
}

/** What of a channel was under way at a checkpoint and comes again from nowhere else: what its receiver had not come to, up to the barrier. */
export function underWayAt(
  channel: Channel,
  edge: number,
  log: readonly Logged[] | undefined,
  { checkpointId, position }: { readonly checkpointId: number; readonly position: number },
): string[] {
  const { came, waiting, given } = arrivedOn(inboxAt(log, channel, position), channel, edge)
  const before = [...waiting.slice(0, given), ...beforeBarrier(channel, edge, checkpointId)]
  return before.slice(given === 0 ? came.length - waiting.length : 0).filter(isKept)
}

/** All that was sent before the barrier, from a message on. */
export function beforeBarrier(channel: Channel, edge: number, checkpointId: number, first = 0): string[] {
  const elements = elementsOf(channel, edge)
  const barrier = elements.findIndex(
    ({ element }) => element.kind === 'barrier' && element.checkpointId === checkpointId,
  )
  const sent = elements.slice(0, barrier).filter(({ sequence }) => sequence >= first)
  return contentOf(sent.map(({ element }) => element))
}

/** Barriers are settled by the checkpoint, and all else but records and watermarks is told again. */
export function isKept(content: string): boolean {
  return content.startsWith('record ') || content.startsWith('watermark ')
}
