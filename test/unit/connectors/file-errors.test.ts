import { expect, test } from 'vitest'
import { fileError } from '../../../lib/connectors/file-errors.ts'
import { UserError } from '../../../lib/model/faults.ts'

test.each([
  ['ENOSPC', false, 'fileSink: cannot write out/x: the disk is full (ENOSPC)'],
  ['EACCES', true, 'fileSink: cannot write out/x: permission denied (EACCES)'],
  ['EROFS', true, 'fileSink: cannot write out/x: the file system is read-only (EROFS)'],
  ['EWHATEVER', false, 'fileSink: cannot write out/x: told by the system'],
])('%s is told in words; a mistake of the user: %s', (code, isMistake, message) => {
  const cause = Object.assign(new Error('told by the system'), { code })
  const error = fileError('fileSink', 'write', 'out/x', cause)
  expect(error instanceof UserError).toBe(isMistake)
  expect(error).toMatchObject({ message, cause })
})
