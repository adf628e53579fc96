import { defineConfig } from 'vitest/config'

/**
 * Beside what always holds. No more: Node is told them as well, and gives a package that asks for another by `require`
 * what is meant for `import`, or for bundlers, where those are named here.
 */
const conditions = ['millrace-source', 'node']

/** Tiers that hold no process, port or file of their own: threads start faster than processes. */
const pureTiers = ['unit', 'contract', 'simulation', 'types']

/** Tiers that start processes or load native addons: a crash in one must not take the runner with it. */
const worldlyTiers = ['integration', 'architecture', 'infra', 'wire']

/**
 * No S3 on npm honours conditional writes, and nothing there is EventBridge: the tests that need them are there where an
 * emulator of all services is (`.ci/ministack.sh`).
 */
const needEndpoint = (process.env['MILLRACE_TEST_ENDPOINT'] ?? '') === '' ? ['test/wire/endpoint/**'] : []

function tier(name: string, pool: 'threads' | 'forks') {
  return {
    extends: true as const,
    test: {
      name,
      pool,
      include: [`test/${name}/**/*.test.ts`],
      // It is to find what hangs, and not that a machine is busy.
      testTimeout: 60_000,
    },
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    restoreMocks: true,
    unstubGlobals: true,
    exclude: ['test/architecture/fixtures/**', ...needEndpoint],
    projects: [
      ...pureTiers.map((name) => tier(name, 'threads')),
      ...worldlyTiers.map((name) => tier(name, 'forks')),
    ],
  },
})
