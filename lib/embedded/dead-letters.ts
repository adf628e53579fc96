import { join } from 'node:path'
import { deadLetterSinkUid } from '../graph/dead-letters.ts'
import type { JobConfig } from '../stream/config.ts'
import type { OperatorFigures } from './job-handle.ts'

/** Where an operator's dead letters are kept that no stream takes. */
export function deadLettersDirectoryOf(config: JobConfig, operatorUid: string): string {
  return join(config.deadLettersDirectory, config.name, operatorUid)
}

/** What to tell the user of records that are kept there: how many, and where they are. */
export function deadLetterNotices(operators: readonly OperatorFigures[], config: JobConfig): string[] {
  const uids = new Set(operators.map(({ uid }) => uid))
  return operators
    .filter(({ uid, numDeadLetters }) => numDeadLetters > 0 && uids.has(deadLetterSinkUid(uid)))
    .map(({ uid, name, numDeadLetters }) => {
      const records = numDeadLetters === 1 ? 'a record that it' : `${numDeadLetters} records that it`
      return `Source '${name}' found ${records} could not parse; see ${deadLettersDirectoryOf(config, uid)}`
    })
}
