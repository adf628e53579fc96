import { expect, test } from 'vitest'
import { OperatorFault } from '../../../../lib/model/faults.ts'
import { BlobStoreError } from '../../../../lib/ports/blob-store.ts'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import { platformFaultIn, rowMissingIn } from '../../../../lib/serverless/task/step-faults.ts'
import { RowMissing } from '../../../../lib/serverless/state/row-missing.ts'

const origin = { operatorUid: 'count', operatorName: 'count', subtaskIndex: 0 }

test('a throttle is the platform’s, however a source or a blob store wrapped it', () => {
  const throttle = new PlatformFault('throttled')
  expect(platformFaultIn(new OperatorFault(origin, throttle))).toBe(throttle)
  expect(platformFaultIn(new BlobStoreError('no answer', { cause: throttle }))).toBe(throttle)
  const unknown = new BlobStoreError('out of reach')
  expect(platformFaultIn(unknown)).toBe(unknown)
})

test('a permission that is missing is the job’s failure, and so is what user code throws', () => {
  const forbidden = new PlatformFault('Expected to be allowed s3:GetObject', { passes: false })
  expect(platformFaultIn(new BlobStoreError('no', { cause: forbidden }))).toBeUndefined()
  expect(platformFaultIn(new OperatorFault(origin, new Error('no luck')))).toBeUndefined()
})

test('a missing row is found behind the fault of the operator that needed it', () => {
  const missing = new RowMissing({ type: 'row', uid: 'count', keyGroup: 1, keyText: '"a"' })
  expect(rowMissingIn(new OperatorFault(origin, missing))).toBe(missing)
  expect(rowMissingIn(new Error('other'))).toBeUndefined()
})
