import { actorKind } from '../../../lib/model/actors.ts'
import { groupBy } from '../reference.ts'
import { channelId, channelsOf, edgesOf, elementsOf, turnsOf, type Channels, type Logs } from './channels.ts'
import { checkpointProblems, recordsOf } from './checkpoint-checkers.ts'
import type { Ledger } from './ledger.ts'
import { restoreProblems } from './restore-checkers.ts'

// They look at what is in the tables, and know nothing of the program but what its tasks said to each other.

/** What is wrong with the logs and the checkpoints that were written. */
export async function logProblems(ledger: Ledger, mode: 'exactly-once' | 'at-least-once'): Promise<string[]> {
  const logs = await ledger.logs()
  const channels = channelsOf(logs, ledger)
  const records = recordsOf(ledger)
  return [
    ...ledger.violations,
    ...chainProblems(logs),
    ...isolationProblems(logs),
    ...channelProblems(logs, channels),
    ...watermarkProblems(channels),
    ...checkpointProblems(records, logs, channels, mode),
    ...restoreProblems(records, logs, channels),
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
