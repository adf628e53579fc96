import type { CheckpointId } from '../model/ids.ts'
import type { PoisonRecord, RecordIdentity } from '../model/poison-records.ts'
import type { FailureCause } from './failure-reasons.ts'

/** Which records made the job fail, and how often. Plain data, bounded. */
export interface PoisonRecords {
  /** Not often enough yet; the one that failed last comes last. */
  readonly suspects: readonly Suspect[]
  /** As often as the job allows; oldest first. */
  readonly listed: readonly ListedRecord[]
}

interface ListedRecord extends PoisonRecord {
  /** The next checkpoint when it was listed: once that is complete, or a later one, the job has got on since. */
  readonly nextCheckpointId: CheckpointId
}

interface Suspect extends RecordIdentity {
  readonly failures: number
}

export const noPoisonRecords: PoisonRecords = { suspects: [], listed: [] }

/** Of each kind. */
const RECORDS_MAX = 100
/** Each attempt is given all of it. */
const TEXT_CHARS_MAX = 300

export interface CountingRules {
  readonly deadLetterAfter: number
  readonly nextCheckpointId: CheckpointId
  /** Of the newest that is complete; undefined: there is none. */
  readonly completedId: CheckpointId | undefined
}

/**
 * The job failed at `record`. At the failure that is number `deadLetterAfter`, the record is poison. Undefined: it is, and
 * there are too many. What is forgotten is counted anew if it comes again, so only a record from before a checkpoint that
 * is complete by now is forgotten for another: else each attempt, which meets all of them again, would fail at the one that was
 * forgotten last.
 */
export function countFailure(
  known: PoisonRecords,
  record: RecordIdentity,
  cause: FailureCause,
  { deadLetterAfter, nextCheckpointId, completedId }: CountingRules,
): PoisonRecords | undefined {
  const isSame = (other: RecordIdentity): boolean =>
    other.operatorUid === record.operatorUid && other.hash === record.hash
  // Whatever keeps its operator from setting it aside, counting on would not help.
  if (known.listed.some(isSame)) return known
  const failures = (known.suspects.find(isSame)?.failures ?? 0) + 1
  const others = known.suspects.filter((other) => !isSame(other))
  const { operatorUid, hash } = record
  if (failures < deadLetterAfter) {
    return { ...known, suspects: [...others, { operatorUid, hash, failures }].slice(-RECORDS_MAX) }
  }
  const isPast = (one: ListedRecord): boolean =>
    completedId !== undefined && one.nextCheckpointId <= completedId
  const forgotten = known.listed.length < RECORDS_MAX ? undefined : known.listed.find(isPast)
  if (known.listed.length >= RECORDS_MAX && forgotten === undefined) return undefined
  const poison: ListedRecord = {
    operatorUid,
    hash,
    reason: cause.message.slice(0, TEXT_CHARS_MAX),
    position: cause.position?.slice(0, TEXT_CHARS_MAX),
    nextCheckpointId,
  }
  return { suspects: others, listed: [...known.listed.filter((one) => one !== forgotten), poison] }
}

/** Why a job ends that has more of them than it can tell apart. */
export const TOO_MUCH_POISON: string =
  `more than ${RECORDS_MAX} records failed as often as poisonRecords.deadLetterAfter allows since the last checkpoint: ` +
  'so many are rather the fault of the code, or of whoever sends them'

/** What an attempt is given. */
export function poisonOf(known: PoisonRecords | undefined): readonly PoisonRecord[] {
  return (known?.listed ?? []).map(({ operatorUid, hash, reason, position }) => ({
    operatorUid,
    hash,
    reason,
    position,
  }))
}

/** What to tell the user of records that were listed between two states of the coordinator. */
export function poisonNotices(before: PoisonRecords | undefined, after: PoisonRecords | undefined): string[] {
  if (before === after || after === undefined) return []
  return after.listed
    .filter((one) => !before?.listed.includes(one))
    .map(({ operatorUid, position, reason }) => {
      const place = position === undefined ? '' : `, last from ${position}`
      return `Operator '${operatorUid}' threw at one record too often${place} (${reason}): it goes to its dead letters now`
    })
}
