/**
 * An object that nobody needs after some time has this tag. Its value is the number of days after which a lifecycle rule of
 * the job's bucket (`infra/job-store.ts`) removes the object: by itself, whatever there is of the job by then, at no cost.
 */
export const LIFETIME_TAG = 'millrace-days'

/** There is a rule for each of them. What is needed for longer than all of them, eleven years, has no tag, and stays. */
export const LIFETIMES_DAYS: readonly number[] = Array.from({ length: 12 }, (_, index) => 2 ** (index + 1))

const DAY_MS = 24 * 3_600_000

/** The clocks of who wrote, who reads and who removes are less than this apart. */
const MARGIN_MS = DAY_MS

/** The tag of an object that is put now and needed for so long, as S3 takes it; undefined: it has none. */
export function lifetimeTagOf(lifetimeMs: number): string | undefined {
  const days = LIFETIMES_DAYS.find((each) => lifetimeMs + MARGIN_MS <= each * DAY_MS)
  return days === undefined ? undefined : `${LIFETIME_TAG}=${days}`
}
