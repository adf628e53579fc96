import { fileURLToPath } from 'node:url'

import { cruise, type IViolation } from 'dependency-cruiser'
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixtures = fileURLToPath(new URL('fixtures/layers', import.meta.url))

test('every file imports from its own layer or a lower one', async () => {
  const { modules, violations } = await check(root)

  expect(modules).toBeGreaterThan(0)
  expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([])
})

// A checker that cannot parse TypeScript reports no violations; these must be found, type-only imports too.
test.each([
  ['model-imports-upward', 'lib/model/upward.ts'],
  ['model-imports-upward', 'lib/model/upward-type.ts'],
  ['circular', 'lib/operators/circle-one.ts'],
  ['core-imports-node', 'lib/task/step.ts'],
  ['aws-sdk-outside-lib-aws', 'lib/connectors/sdk.ts'],
  ['lmdb-outside-lib-embedded', 'lib/connectors/sdk.ts'],
  ['lib-imports-its-users', 'lib/connectors/sdk.ts'],
  ['import-of-unknown-layer', 'lib/connectors/sdk.ts'],
  ['unknown-layer', 'lib/nowhere/layer.ts'],
  ['examples-use-the-package', 'examples/job.ts'],
])('%s is caught in %s', async (rule, from) => {
  const { violations } = await check(fixtures)

  expect(violations.map((violation) => [violation.rule.name, violation.from])).toContainEqual([rule, from])
})

async function check(baseDir: string): Promise<{ modules: number; violations: IViolation[] }> {
  const options = await extractOptions(`${root}/.dependency-cruiser.mjs`)
  const { output } = await cruise(['.'], { ...options, validate: true, baseDir })
  if (typeof output === 'string') throw new Error(`Expected a report as data, got "${output}"`)
  return { modules: output.summary.totalCruised, violations: output.summary.violations }
}
