import { readContext, unknownNames, type AppContext } from '../infra/app-context.ts'
import { UserError } from '../lib/model/faults.ts'

/**
 * What was typed for a deployment of `job`, each as `name=value`.
 * @throws UserError with all that is wrong.
 */
export function deploymentContext(job: string, typed: readonly string[], env: NodeJS.ProcessEnv): AppContext {
  const pairs = new Map<string, string>()
  const problems: string[] = []
  for (const pair of typed) {
    const at = pair.indexOf('=')
    if (at > 0) pairs.set(pair.slice(0, at), pair.slice(at + 1))
    else problems.push(`-c: expected name=value, got '${pair}'`)
  }
  problems.push(...unknownNames([...pairs.keys()]))
  if (problems.length > 0) throw new UserError(problems)
  return readContext((key) => (key === 'job' ? job : pairs.get(key)), env)
}
