/** The attempt's versions all begin with it. */
export function versionPrefix(attempt: number): string {
  return `${padded(attempt, 8)}#`
}

/**
 * Text that orders what a task writes, compared by code units: by attempt, then by position in the task's log (or, where
 * there is none, a count of batches), then by part of what that position wrote.
 */
export function versionOf(attempt: number, position: number, part: number): string {
  return `${versionPrefix(attempt)}${padded(position, 12)}#${padded(part, 4)}`
}

/** What an attempt writes before anything of its own: what its checkpoint had left to be written. */
export const POSITION_BEFORE_ATTEMPT = 0

/** Whether the version is that of something which the attempt took over from its checkpoint. */
export function isFromCheckpoint(version: string): boolean {
  return Number(version.split('#')[1]) === POSITION_BEFORE_ATTEMPT
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
