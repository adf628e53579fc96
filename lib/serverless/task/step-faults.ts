import { BlobStoreError } from '../../ports/blob-store.ts'
import { PlatformFault } from '../../ports/platform-fault.ts'
import { RowMissing } from '../state/row-missing.ts'

/** The missing row that led to `cause`, however it was wrapped on its way. */
export function rowMissingIn(cause: unknown): RowMissing | undefined {
  return causesOf(cause).find((one) => one instanceof RowMissing)
}

/** The fault of the platform that led to `cause`: not the job's failure, so the inputs come again. */
export function platformFaultIn(cause: unknown): Error | undefined {
  return causesOf(cause).find((one) => one instanceof PlatformFault || one instanceof BlobStoreError)
}

function causesOf(cause: unknown): Error[] {
  const causes: Error[] = []
  for (let next: unknown = cause; next instanceof Error && !causes.includes(next); next = next.cause)
    causes.push(next)
  return causes
}
