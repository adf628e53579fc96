import type { PoisonRecord, RecordIdentity } from '../model/poison-records.ts'
import type { FailureCause } from './failure-reasons.ts'

/** Which records made the job fail, and how often. Plain data, bounded. */
export interface PoisonRecords {
  /** Not often enough yet; the one that failed last comes last. */
  readonly suspects: readonly Suspect[]
  /** As often as the job allows; oldest first. */
  readonly listed: readonly PoisonRecord[]
}

interface Suspect extends RecordIdentity {
  readonly failures: number
}

export const noPoisonRecords: PoisonRecords = { suspects: [], listed: [] }

/** Of each kind. What is older is forgotten: if it comes again it is counted anew, so nothing is lost by it. */
const RECORDS_MAX = 100
/** Each attempt is given all of it. */
const TEXT_CHARS_MAX = 300

/** The job failed at `record`. At the failure that is number `deadLetterAfter`, the record is poison. */
export function countFailure(
  known: PoisonRecords,
  record: RecordIdentity,
  cause: FailureCause,
  deadLetterAfter: number,
): PoisonRecords {
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
  const poison: PoisonRecord = {
    operatorUid,
    hash,
    reason: cause.message.slice(0, TEXT_CHARS_MAX),
    position: cause.position?.slice(0, TEXT_CHARS_MAX),
  }
  return { suspects: others, listed: [...known.listed, poison].slice(-RECORDS_MAX) }
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
