import { inspect } from 'node:util'
import type { ActorId } from '../../../lib/model/ids.ts'
import type { Ledger } from './ledger.ts'
import type { Tell } from './outcome.ts'

/** Tells the whole log of an actor: what each turn took, changed and sent. */
export async function dumpLog(ledger: Ledger, actor: ActorId, tell: Tell): Promise<void> {
  const logs = await ledger.logs()
  const log = logs.get(actor)
  if (log === undefined) {
    tell(`${actor} has no log; there are ${[...logs.keys()].join(', ')}`)
    return
  }
  for (const { item, order, by } of log) {
    const shown =
      item.type === 'turn'
        ? { ...item, outbox: item.outbox.map((one) => ({ ...one, payload: ledger.payload(one.payload) })) }
        : item
    tell(`effect ${order}, by ${by}: ${inspect(shown, { depth: 12, breakLength: 160, maxStringLength: 60 })}`)
  }
}
