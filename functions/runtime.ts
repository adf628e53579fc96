import definition from 'millrace-job'

import { awsOutside } from '../lib/aws/outside.ts'
import { deploymentOf } from '../lib/serverless/deployment.ts'
import type { JobRuntime } from '../lib/serverless/runtime.ts'
import { access, ports } from './aws.ts'

const settings = process.env['MILLRACE_SETTINGS']

const { config, plan } = deploymentOf(
  definition,
  settings === undefined ? undefined : (JSON.parse(settings) as Record<string, unknown>),
)

/** The job that this function is bundled with, in the world of AWS: made once for an environment. */
export const runtime: JobRuntime = { config, plan, ...ports, outside: awsOutside(access) }
