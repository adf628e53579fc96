import type { ActorId } from '../model/ids.ts'

/** One message on its way to an actor. */
export interface OutgoingMessage {
  readonly to: ActorId
  /**
   * A message whose id was sent to the same queue within the last five minutes is swallowed, and counts as sent. Plain
   * text of at most 128 characters.
   */
  readonly deduplicationId: string
  /** At most {@link MESSAGE_BYTES_MAX}. */
  readonly body: Uint8Array
}

/**
 * What a message may carry: SQS takes 1 MiB, text; binary grows by a third on the way, and an attribute or two ride
 * along.
 */
export const MESSAGE_BYTES_MAX = 700_000

/**
 * Queues of messages to actors. Messages to one actor arrive in the order they were sent, at least once; an actor's
 * later messages wait while earlier ones are being handled. Who receives them is an entry point, not this port.
 */
export interface Mailbox {
  /**
   * Sends in order. The answer tells of each message, by index, whether it is known to be sent; one that is not may
   * arrive all the same. Resolves also where all failed.
   */
  send(messages: readonly OutgoingMessage[]): Promise<readonly ('sent' | 'failed')[]>
  /**
   * Puts a message that can never be handled into the dead-letter queue, with the reason. Resolves when it is there: then
   * the message itself may be let go.
   */
  refuse(message: { readonly messageId: string; readonly body: Uint8Array }, reason: string): Promise<void>
  /**
   * About how many messages wait or are in flight in the queue that `actors` are served from; where they are served from
   * several, in the fullest of those that may be looked at. Each queue is asked once. Rejects where it is none.
   */
  backlog(actors: readonly ActorId[]): Promise<number>
}
