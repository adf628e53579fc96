/** Checkpoints asked for by hand that wait for a slot: what Flink queues. */
export const MANUAL_REQUESTS_MAX = 1_000

/**
 * An idle job takes a checkpoint after this long, if anybody looks: what its logs hold since the last one ends after weeks,
 * and the next checkpoint takes its place.
 */
export const IDLE_CHECKPOINT_MS: number = 6 * 24 * 3_600_000

/** Between attempts at the last checkpoint of a job whose inputs have ended: a full disk must not make it spin. */
export const FINAL_CHECKPOINT_RETRY_MS = 1_000
