import type { IncomingMessage, JobRuntime } from '../runtime.ts'

/** Puts a message that can never be handled among the dead letters, and tells of it. Resolves when it may be let go. */
export async function refuse(
  { mailbox, observe }: Pick<JobRuntime, 'mailbox' | 'observe'>,
  message: IncomingMessage,
  reason: string,
): Promise<void> {
  await mailbox.refuse(message, reason)
  observe.event({ type: 'poison-message', messageId: message.messageId, reason })
}
