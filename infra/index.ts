/** `millrace/infra`: what deploys a job, for a CDK stack of your own. Needs `aws-cdk-lib`, `constructs` and `esbuild`. */
export { StreamJob } from './stream-job.ts'
export type { StreamJobProps, TaskFunctionProps } from './stream-job-props.ts'
