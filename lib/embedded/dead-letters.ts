import { join } from 'node:path'
import { operatorsWithDeadLetterSink } from '../graph/dead-letters.ts'
import { setsPoisonAside } from '../graph/operator-traits.ts'
import type { JobPlan } from '../graph/plan.ts'
import type { JobConfig } from '../stream/config.ts'

/** Where an operator's dead letters are kept that no stream takes. */
export function deadLettersDirectoryOf(config: JobConfig, operatorUid: string): string {
  return join(config.deadLettersDirectory, config.name, operatorUid)
}

/** What to tell the user of records that are kept there, by the operators that had dead letters: where they are. */
export function deadLetterNotices(
  operatorUids: ReadonlySet<string>,
  plan: JobPlan,
  config: JobConfig,
): string[] {
  return operatorsWithDeadLetterSink(plan)
    .filter(({ uid }) => operatorUids.has(uid))
    .map(({ uid, name, spec }) => {
      const who = spec.type === 'source' ? 'Source' : 'Operator'
      const what = setsPoisonAside(config) ? 'set aside records' : 'found records that it could not parse'
      return `${who} '${name}' ${what}; see ${deadLettersDirectoryOf(config, uid)}`
    })
}
