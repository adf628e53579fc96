import { BlobStoreError } from '../../ports/blob-store.ts'
import { causesOf, PlatformFault } from '../../ports/platform-fault.ts'
import { RowMissing } from '../state/row-missing.ts'

/** The missing row that led to `cause`, however it was wrapped on its way. */
export function rowMissingIn(cause: unknown): RowMissing | undefined {
  return causesOf(cause).find((one) => one instanceof RowMissing)
}

/**
 * The fault of the platform that led to `cause`, if it may pass: not the job's failure, so the inputs come again. What does not
 * pass, such as a permission that is missing, fails the job and tells its user.
 */
export function platformFaultIn(cause: unknown): Error | undefined {
  const causes = causesOf(cause)
  const fault = causes.find((one) => one instanceof PlatformFault)
  if (fault !== undefined) return fault.passes ? fault : undefined
  return causes.find((one) => one instanceof BlobStoreError)
}
