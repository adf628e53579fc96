import { expect, test } from 'vitest'
import { fileError } from '../../../lib/connectors/file-errors.ts'
import { UserError } from '../../../lib/model/faults.ts'

test.each([
  ['ENOSPC', 'fileSink: cannot write out/x: the disk is full (ENOSPC)'],
  ['EACCES', 'fileSink: cannot write out/x: permission denied (EACCES)'],
  ['EROFS', 'fileSink: cannot write out/x: the file system is read-only (EROFS)'],
  ['EWHATEVER', 'fileSink: cannot write out/x: told by the system'],
])('%s is told in words', (code, message) => {
  const cause = Object.assign(new Error('told by the system'), { code })
  const error = fileError('fileSink', 'write', 'out/x', cause)
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({ message, cause })
})
