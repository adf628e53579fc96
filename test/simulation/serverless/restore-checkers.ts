import { taskActor, taskOfActor } from '../../../lib/model/actors.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import type { GenesisItem } from '../../../lib/serverless/actor/log-entry.ts'
import type { InFlightStretch, Stashed, TaskGenesis } from '../../../lib/serverless/protocol.ts'
import type { TaskDelta } from '../../../lib/serverless/task/task-state.ts'
import { channelId, contentOf, edgesOf, elementsOf, turnsOf, type Channels, type Logs } from './channels.ts'
import {
  beforeBarrier,
  isKept,
  positionIn,
  stretchAt,
  tasksOf,
  underWayAt,
  type StoredRecord,
} from './checkpoint-checkers.ts'
import type { Logged } from './ledger.ts'

/** An attempt of a task that goes on from a base. */
type Based = Logged & {
  readonly item: GenesisItem & { readonly genesis: { readonly base: { attempt: number; position: number } } }
}

/**
 * An attempt that goes on from a base goes on from where a checkpoint was that had been stored by then, all its tasks from the
 * same one; and what was under way at it comes again (invariant 6, recovery).
 */
export function restoreProblems(records: readonly StoredRecord[], logs: Logs, channels: Channels): string[] {
  /** By attempt: the checkpoint that its tasks go on from. */
  const checkpoints = new Map<number, number | undefined>()
  return [...logs].flatMap(([actor, log]) =>
    log.filter(isBased).flatMap((begun) => {
      const { attempt, genesis } = begun.item
      const { checkpointId } = genesis.content as TaskGenesis
      if (!checkpoints.has(attempt)) checkpoints.set(attempt, checkpointId)
      const ofOthers = checkpoints.get(attempt)
      const problems = [
        ...(ofOthers === checkpointId ? [] : [`other tasks go on from checkpoint ${ofOthers}`]),
        ...baseProblems(actor, begun, records, logs, channels),
      ]
      return problems.map(
        (what) => `recovery: ${actor}, attempt ${attempt}, from checkpoint ${checkpointId}: ${what}`,
      )
    }),
  )
}

function baseProblems(
  actor: ActorId,
  { item, order }: Based,
  records: readonly StoredRecord[],
  logs: Logs,
  channels: Channels,
): string[] {
  const { base, content } = item.genesis
  const { checkpointId, lineage } = content as TaskGenesis
  const stored = records.find(
    ({ record }) => record.checkpointId === checkpointId && record.attempt === base.attempt,
  )
  if (stored === undefined || stored.order > order) return ['it had not been stored']
  const position = positionIn(stored.record, taskOfActor(actor), channels)
  if (position !== base.position) return [`goes on from position ${base.position}, and it was at ${position}`]
  const former = logs
    .get(actor)
    ?.find((one) => one.item.type === 'genesis' && one.item.attempt === base.attempt)
  if (former?.item.type !== 'genesis') return []
  if ((former.item.genesis.content as TaskGenesis).lineage !== lineage) return ['it is of another lineage']
  return [
    ...sentAgainProblems(actor, item, stored, logs, channels),
    ...givenProblems(actor, item, stored, logs, channels),
  ]
}

/** Where the logs have what was under way: a task sends, before anything else, what it had sent by then and nobody had taken. */
function sentAgainProblems(
  actor: ActorId,
  { attempt, genesis }: Based['item'],
  { record }: StoredRecord,
  logs: Logs,
  channels: Channels,
): string[] {
  const { inFlight } = genesis.content as TaskGenesis
  if (inFlight === undefined) return []
  const problems: string[] = []
  const turns = turnsOf(logs.get(actor)).filter(({ item }) => item.attempt === attempt)
  // What it does on the side, such as writing rows, may come before.
  const hasBegun = turns.some(({ item }) => (item.delta as TaskDelta | undefined)?.progress !== undefined)
  const stretches = tasksOf(record).flatMap((to): InFlightStretch[] => {
    const channel = channels.get(channelId(actor, taskActor(to), record.attempt))
    const takenUpTo = positionIn(record, to, channels) ?? 0
    const { first, end } = stretchAt(channel, logs, genesis.base.position, takenUpTo)
    if (channel === undefined || first >= end) return []
    const again = channels.get(channelId(actor, taskActor(to), attempt))
    for (const edge of hasBegun ? edgesOf(channel) : []) {
      const expected = beforeBarrier(channel, edge, record.checkpointId, first).filter(isKept)
      const elements = again === undefined ? [] : elementsOf(again, edge)
      const sent = contentOf(elements.map(({ element }) => element))
      if (expected.some((one, index) => one !== sent[index]))
        problems.push(`what was under way to ${to} on edge ${edge} is not sent again first of all`)
    }
    return [{ to, attempt: record.attempt, first, end }]
  })
  const [told, expected] = [inFlight, stretches].map(textOf)
  if (told !== expected) problems.push(`is to send ${told} again; under way were ${expected}`)
  return problems
}

/** Where it was copied out of the logs: the task is given what it had not come to. */
function givenProblems(
  actor: ActorId,
  { genesis }: Based['item'],
  { record }: StoredRecord,
  logs: Logs,
  channels: Channels,
): string[] {
  const { stash } = genesis.content as TaskGenesis
  if (stash === undefined) return []
  const place = { checkpointId: record.checkpointId, position: genesis.base.position }
  return tasksOf(record).flatMap((from) => {
    const channel = channels.get(channelId(taskActor(from), actor, record.attempt))
    if (channel === undefined) return []
    return edgesOf(channel).flatMap((edge) => {
      const given = contentOf(
        stash.filter((one) => isOn(one, channel.from, edge)).flatMap(({ elements }) => elements),
      )
      const expected = underWayAt(channel, edge, logs.get(actor), place)
      return given.join() === expected.join()
        ? []
        : [`is given [${given.join()}] of ${from} on edge ${edge}; under way were [${expected.join()}]`]
    })
  })
}

function isOn(one: Stashed, from: ActorId, edge: number): boolean {
  return one.at === undefined && one.from === from && one.edge === edge
}

function isBased(one: Logged): one is Based {
  return one.item.type === 'genesis' && one.item.genesis.base !== undefined
}

function textOf(stretches: readonly InFlightStretch[]): string {
  const texts = stretches.map(({ to, attempt, first, end }) => `${first} to ${end} to ${to} in ${attempt}`)
  return `[${texts.toSorted().join(', ')}]`
}
