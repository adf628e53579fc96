/** The job that a function is bundled with: infra/bundling.ts puts the user's module in its place. */
declare module 'millrace-job' {
  import type { JobDefinition } from '../lib/stream/job.ts'

  const job: JobDefinition
  export default job
}
