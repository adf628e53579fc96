import type { PendingCheckpoint } from './coordinator-state.ts'
import type { Turn } from './turn.ts'

/**
 * Whether one more checkpoint may be under way. A savepoint takes a slot while its barrier is: two barriers at once
 * are what the limit is there to prevent. While it is being copied out it holds up nobody.
 */
export function hasSlot(turn: Turn): boolean {
  const { pending, settings } = turn.state
  return pending.filter(takesSlot).length < settings.checkpointing.maxConcurrent
}

function takesSlot(pending: PendingCheckpoint): boolean {
  return pending.kind === 'checkpoint' || pending.stage === 'collecting'
}
