/**
 * Which record a user's function threw at: the operator, and a hash of the record, the same whenever it comes again. Records
 * that are equal have one identity.
 */
export interface RecordIdentity {
  readonly operatorUid: string
  readonly hash: string
}

/** A record that failed as often as the job allows: it goes to the dead letters of its operator from now on. Plain data. */
export interface PoisonRecord extends RecordIdentity {
  /** What was thrown at last. */
  readonly reason: string
  /** Where the record was then. */
  readonly position: string | undefined
}
