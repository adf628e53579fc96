// The library for tests by chance, seeded: a test does the same each time. Another seed looks for what is new:
// MILLRACE_TEST_SEED=$RANDOM npm test
import { configureGlobal } from 'fast-check'

configureGlobal({ seed: Number(process.env['MILLRACE_TEST_SEED'] ?? 1) })

export * from 'fast-check'
