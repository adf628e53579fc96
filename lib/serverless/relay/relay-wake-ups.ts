import { messageOf } from '../../model/faults.ts'
import { encodeNudge } from '../actor/envelope.ts'
import { refuse } from '../actor/refuse.ts'
import type { BatchOutcome, IncomingMessage, JobRuntime } from '../runtime.ts'
import { eachMessage } from './each-message.ts'
import { decodeWakeUp } from './wake-up.ts'

export type RelayPorts = Pick<JobRuntime, 'now' | 'mailbox' | 'wakeUps' | 'observe'>

/**
 * Passes wake-ups that are due on to their actors, and sends others on their way again; what is no wake-up goes to the dead
 * letters.
 */
export function relayWakeUps(messages: readonly IncomingMessage[], ports: RelayPorts): Promise<BatchOutcome> {
  return eachMessage(messages, (message) => relayed(message, ports))
}

async function relayed(message: IncomingMessage, ports: RelayPorts): Promise<'done' | 'failed'> {
  try {
    return await passedOn(message, ports)
  } catch (cause) {
    const { messageId } = message
    ports.observe.event({ type: 'warning', message: `Wake-up ${messageId} comes again: ${messageOf(cause)}` })
    return 'failed'
  }
}

async function passedOn(message: IncomingMessage, ports: RelayPorts): Promise<'done' | 'failed'> {
  const text = new TextDecoder().decode(message.body)
  const wakeUp = decodeWakeUp(text)
  if (wakeUp === undefined) {
    await refuse(ports, message, `Expected a wake-up, got ${JSON.stringify(text.slice(0, 100))}`)
    return 'done'
  }
  const { actor, atMs } = wakeUp
  // It came early, since its delay was cut or clocks differ.
  if (atMs > ports.now()) {
    await ports.wakeUps.wakeAt(actor, atMs)
    return 'done'
  }
  // Under the id of what came: when it comes twice, the queue swallows the repeat.
  const deduplicationId = `wake-${message.messageId}`
  const [outcome] = await ports.mailbox.send([{ to: actor, deduplicationId, body: encodeNudge(actor, atMs) }])
  return outcome === 'sent' ? 'done' : 'failed'
}
