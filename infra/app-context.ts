import { UserError } from '../lib/model/faults.ts'

/** What `cdk -c name=value` said. */
export interface AppContext {
  readonly job: string
  readonly stack: string | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly httpAuth: 'iam' | 'none'
  readonly bundleAwsSdk: boolean
  readonly destroy: boolean
}

/** @throws UserError with all that is wrong. */
export function readContext(get: (key: string) => unknown): AppContext {
  const problems: string[] = []
  const oneOf = <T extends string>(key: string, allowed: readonly [T, ...T[]]): T => {
    const found = get(key)
    if (found === undefined) return allowed[0]
    const value = allowed.find((candidate) => candidate === found || candidate === JSON.stringify(found))
    if (value === undefined)
      problems.push(`-c ${key}: expected ${allowed.join(' or ')}, got ${JSON.stringify(found)}`)
    return value ?? allowed[0]
  }
  const text = (key: string): string | undefined => {
    const found = get(key)
    if (found === undefined || (typeof found === 'string' && found !== '')) return found
    problems.push(`-c ${key}: expected text, got ${JSON.stringify(found)}`)
    return undefined
  }
  const job = text('job')
  if (job === undefined) {
    problems.push(
      '-c job: expected the file of a job module, got none: cdk deploy -c job=examples/word-count-http.ts',
    )
  }
  const context = {
    job: job ?? '',
    stack: stackOf(text('stack'), problems),
    settings: settingsOf(text('set') ?? '', problems),
    httpAuth: oneOf('http-auth', ['iam', 'none']),
    bundleAwsSdk: oneOf('bundle-aws-sdk', ['false', 'true']) === 'true',
    destroy: oneOf('removal-policy', ['retain', 'destroy']) === 'destroy',
  }
  if (problems.length > 0) throw new UserError(problems)
  return context
}

/** As CloudFormation takes it. */
function stackOf(stack: string | undefined, problems: string[]): string | undefined {
  if (stack !== undefined && !/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(stack))
    problems.push(
      `-c stack: expected a letter, and then at most 127 letters, digits and hyphens, got ${JSON.stringify(stack)}`,
    )
  return stack
}

/** `key=value,key=value`. */
function settingsOf(text: string, problems: string[]): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {}
  for (const part of text.split(',').filter((candidate) => candidate !== '')) {
    const [key, value] = [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]
    if (!part.includes('=') || key === '') problems.push(`-c set: expected key=value, got '${part}'`)
    else settings[key] = value
  }
  return settings
}
