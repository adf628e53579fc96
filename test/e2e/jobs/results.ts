/** The bucket that the jobs of these tests write to; the harness makes it. */
export const RESULTS_BUCKET = 'millrace-e2e-results'
/** The queue that the windowed job reads; the harness makes it. */
export const READINGS_QUEUE = 'millrace-e2e-readings'
