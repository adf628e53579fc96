import { distance } from 'fastest-levenshtein'

import { UserError } from '../lib/model/faults.ts'

/** What `cdk -c name=value` may say, beside the CDK's own. */
const CONTEXT_NAMES = ['job', 'stack', 'set', 'http-auth', 'bundle-aws-sdk', 'removal-policy'] as const

type ContextName = (typeof CONTEXT_NAMES)[number]

/** What `cdk -c name=value` said. */
export interface AppContext {
  readonly job: string
  readonly stack: string | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly httpAuth: 'iam' | 'none'
  readonly bundleAwsSdk: boolean
  readonly destroy: boolean
}

/**
 * `env`: where `AWS_ENDPOINT_URL` names an emulator, functions carry the AWS SDK by default: emulators have none for them.
 * @throws UserError with all that is wrong.
 */
export function readContext(
  get: (key: ContextName) => unknown,
  env: Readonly<Record<string, string | undefined>>,
): AppContext {
  const problems: string[] = []
  const oneOf = <T extends string>(key: ContextName, allowed: readonly T[], otherwise: T): T => {
    const found = get(key)
    if (found === undefined) return otherwise
    const value = allowed.find((candidate) => candidate === found || candidate === JSON.stringify(found))
    if (value === undefined)
      problems.push(`-c ${key}: expected ${allowed.join(' or ')}, got ${JSON.stringify(found)}`)
    return value ?? otherwise
  }
  const text = (key: ContextName): string | undefined => {
    const found = get(key)
    if (found === undefined || (typeof found === 'string' && found !== '')) return found
    problems.push(`-c ${key}: expected text, got ${JSON.stringify(found)}`)
    return undefined
  }
  const isEmulator = (env['AWS_ENDPOINT_URL'] ?? '') !== ''
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
    httpAuth: oneOf('http-auth', ['iam', 'none'], 'iam'),
    bundleAwsSdk: oneOf('bundle-aws-sdk', ['false', 'true'], isEmulator ? 'true' : 'false') === 'true',
    destroy: oneOf('removal-policy', ['retain', 'destroy'], 'retain') === 'destroy',
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

/** What is wrong with names that were typed: of `npm run` scripts, which know that nobody else said them. */
export function unknownNames(names: readonly string[]): readonly string[] {
  return names
    .filter(isUnknown)
    .map((name) => `-c ${name}: expected one of ${CONTEXT_NAMES.join(', ')}, or a setting of the CDK's own`)
}

/**
 * Names that are nearly one of ours. An application cannot tell what was typed from what is in its cdk.json, in that of its
 * user's home, and in the CDK's own notes: other names are no mistake of which it can be sure.
 */
export function misspeltNames(names: readonly string[]): readonly string[] {
  return names.filter(isUnknown).flatMap((name) => {
    const near = CONTEXT_NAMES.find(
      (known) => distance(known, name.toLowerCase()) <= Math.max(1, Math.floor(name.length / 3)),
    )
    return near === undefined ? [] : [`-c ${name}: it means nothing here; did you mean '${near}'?`]
  })
}

/** The CDK's own have a colon, as `aws:cdk:…` or what it looked up, or begin as its flags do. */
function isUnknown(name: string): boolean {
  const known: readonly string[] = CONTEXT_NAMES
  return !known.includes(name) && !name.includes(':') && !name.startsWith('@aws-cdk/')
}
