import { UserError } from '../../lib/model/faults.ts'

/** Where LocalStack of docker-compose.yml listens. */
const LOCALSTACK = 'http://localhost:4566'

/** Whether `AWS_ENDPOINT_URL` names an emulator that somebody else started. */
export const isGivenEndpoint = (env: NodeJS.ProcessEnv): boolean => (env['AWS_ENDPOINT_URL'] ?? '') !== ''

/** @throws UserError if `AWS_ENDPOINT_URL` is no URL. */
export function endpointOf(env: NodeJS.ProcessEnv): string {
  if (!isGivenEndpoint(env)) return LOCALSTACK
  const endpoint = String(env['AWS_ENDPOINT_URL'])
  // `localhost:4566` is a URL, too: of the scheme `localhost`.
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return endpoint
  throw new UserError(`AWS_ENDPOINT_URL: expected a URL such as ${LOCALSTACK}, got '${endpoint}'`)
}

export const REGION = 'us-east-1'
export const ACCOUNT = '000000000000'

/**
 * The environment of commands that talk to an emulator: its address, and credentials that are none, so that nothing here can
 * ever reach an account of AWS.
 */
export function emulatorEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...env,
    // The CDK and the SDK prefer a profile to what follows.
    AWS_PROFILE: undefined,
    AWS_SESSION_TOKEN: undefined,
    AWS_ENDPOINT_URL: endpointOf(env),
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    // The CDK looks up neither notices nor usage reports.
    CDK_DISABLE_VERSION_CHECK: '1',
  }
}

/** @throws UserError if nothing answers there. */
export async function expectEndpoint(endpoint: string): Promise<void> {
  try {
    await fetch(endpoint, { signal: AbortSignal.timeout(5_000) })
  } catch (cause) {
    throw new UserError(
      `Expected an emulator of AWS at ${endpoint}; nothing answers there. Start LocalStack (npm run local:up), or set ` +
        'AWS_ENDPOINT_URL to the address of another (docs/guide/deploy.md)',
      { cause },
    )
  }
}
