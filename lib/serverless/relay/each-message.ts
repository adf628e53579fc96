import type { BatchOutcome, IncomingMessage } from '../runtime.ts'

/** Handles messages that have nothing to do with each other, all at once: those that failed come again, and no others. */
export async function eachMessage<Message extends IncomingMessage>(
  messages: readonly Message[],
  handle: (message: Message) => Promise<'done' | 'failed'>,
): Promise<BatchOutcome> {
  const outcomes = await Promise.all(messages.map(handle))
  return {
    failed: messages.filter((_, index) => outcomes[index] === 'failed').map(({ messageId }) => messageId),
  }
}
