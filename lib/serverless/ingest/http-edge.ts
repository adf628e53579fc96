import { httpEdge, type HttpEdge } from '../../connectors/ingest/http-edge.ts'
import { ingestSourcesOf } from '../../connectors/ingest/ingest-sources.ts'
import { ingestActor } from '../../model/actors.ts'
import type { JobRuntime } from '../runtime.ts'
import { deliverGroups } from './deliver.ts'

/** Messages in the ingest queue from which on new records are turned away: half a minute's work, or a fault. */
const BACKLOG_MESSAGES_MAX = 10_000
/** A look at the queue holds for this long. */
const BACKLOG_HOLDS_MS = 5_000
const RETRY_AFTER_SEC = 5

/**
 * The HTTP front door of a deployed job: what a function behind a URL answers. 202 says that the ingest queue has all the
 * records. One for each process: it remembers how full the queue is.
 */
export function serverlessHttpEdge(
  runtime: JobRuntime,
  options: { readonly backlogMessagesMax?: number } = {},
): HttpEdge {
  const { mailbox, now, random, plan } = runtime
  const { backlogMessagesMax = BACKLOG_MESSAGES_MAX } = options
  const backlog = backlogOf(runtime)
  return httpEdge({
    sources: ingestSourcesOf(plan).filter(({ spec }) => spec.from.type === 'http'),
    deliver: async ({ uid }, groups) => (await deliverGroups(mailbox, uid, groups)).size === 0,
    retryAfterSec: async ({ uid }) =>
      (await backlog(uid)) > backlogMessagesMax ? RETRY_AFTER_SEC : undefined,
    nowMs: now,
    newKey: () => `${now().toString(36)}-${part(random.next())}${part(random.next())}`,
  })
}

/** How many messages wait in the queue of a source's partitions; one queue serves them all. */
function backlogOf({ mailbox, now, observe }: JobRuntime): (sourceUid: string) => Promise<number> {
  let known: { readonly atMs: number; readonly messages: number } | undefined
  return async (sourceUid) => {
    const nowMs = now()
    if (known !== undefined && nowMs - known.atMs < BACKLOG_HOLDS_MS) return known.messages
    const messages = await mailbox.backlog([ingestActor(sourceUid, 0)]).catch((cause: unknown) => {
      // Not knowing is no reason to turn records away: what cannot be sent is answered with 503 anyway.
      observe.event({
        type: 'warning',
        message: `The backlog of the ingest queue is not known: ${String(cause)}`,
      })
      return 0
    })
    known = { atMs: nowMs, messages }
    return messages
  }
}

function part(chance: number): string {
  return Math.floor(chance * 2 ** 32)
    .toString(36)
    .padStart(7, '0')
}
