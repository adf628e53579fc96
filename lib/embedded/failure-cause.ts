import type { FailureCause } from '../checkpoint/failure-reasons.ts'
import { messageOf, OperatorFault } from '../model/faults.ts'

/** A failure as plain data: what a user is shown. */
export function causeOf(cause: unknown): FailureCause {
  if (!(cause instanceof OperatorFault)) {
    return { message: messageOf(cause), stack: cause instanceof Error ? cause.stack : undefined }
  }
  const { origin, cause: thrown } = cause
  return {
    message: messageOf(thrown),
    operatorUid: origin.operatorUid,
    operatorName: origin.operatorName,
    subtaskIndex: origin.subtaskIndex,
    key: origin.key,
    position: origin.position,
    timestampMs: origin.timestampMs,
    stack: thrown instanceof Error ? thrown.stack : undefined,
  }
}
