import { readdirSync, readFileSync } from 'node:fs'
import { isJobDefinition } from 'millrace'
import { expect, test } from 'vitest'
import { configOf, planOf } from '../../../lib/embedded/run-job.ts'

const folder = new URL('../../../examples/', import.meta.url)
const examples = readdirSync(folder).filter((name) => name.endsWith('.ts'))

test.each(examples)('%s exports a job that can be planned, at any parallelism', async (name) => {
  const { default: job } = (await import(new URL(name, folder).href)) as { default: unknown }
  if (!isJobDefinition(job)) throw new Error(`Expected a job as the default export of ${name}`)
  for (const parallelism of [1, 3]) {
    const plan = planOf(job, await configOf(job, { parallelism }))
    expect(plan.jobName).toBe(name.replace(/(-quick)?\.ts$/, ''))
  }
})

test.each(examples)('the table lists %s, which says how it is run', (name) => {
  expect(readFileSync(new URL('README.md', folder), 'utf8')).toContain(`](${name})`)
  expect(readFileSync(new URL(name, folder), 'utf8')).toContain(`npx millrace run examples/${name}`)
})
