/** Checkpoints asked for by hand that wait for a slot: what Flink queues. */
export const MANUAL_REQUESTS_MAX = 1_000

/** Between attempts at the last checkpoint of a job whose inputs have ended: a full disk must not make it spin. */
export const FINAL_CHECKPOINT_RETRY_MS = 1_000
