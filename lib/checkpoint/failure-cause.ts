import type { FailureCause } from './failure-reasons.ts'
import { messageOf, OperatorFault, UserError } from '../model/faults.ts'

/** A failure as plain data: what a user is shown. */
export function causeOf(cause: unknown): FailureCause {
  if (!(cause instanceof OperatorFault)) {
    if (cause instanceof UserError) return { message: cause.message, isUserMistake: true }
    return { message: messageOf(cause), stack: cause instanceof Error ? cause.stack : undefined }
  }
  const { origin, cause: thrown } = cause
  return {
    message: messageOf(thrown),
    isUserMistake: thrown instanceof UserError,
    operatorUid: origin.operatorUid,
    operatorName: origin.operatorName,
    subtaskIndex: origin.subtaskIndex,
    key: origin.key,
    position: origin.position,
    timestampMs: origin.timestampMs,
    stack: thrown instanceof Error && !(thrown instanceof UserError) ? thrown.stack : undefined,
  }
}
