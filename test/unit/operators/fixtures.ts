import { expect } from 'vitest'
import { OperatorFault } from '../../../lib/model/faults.ts'

/** The fault that `failing` rejects with. */
export async function faultOf(failing: Promise<unknown>): Promise<OperatorFault> {
  const cause: unknown = await failing.then(
    () => 'nothing was thrown',
    (reason: unknown) => reason,
  )
  expect(cause).toBeInstanceOf(OperatorFault)
  return cause as OperatorFault
}
