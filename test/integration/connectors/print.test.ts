import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const PRINT = new URL('../../../lib/connectors/print.ts', import.meta.url).href
const PROGRAM = `
  import { setImmediate as nextTurn } from 'node:timers/promises'
  import { print } from '${PRINT}'
  const writer = print().createWriter({ parallelism: 1, subtaskIndex: 0 })
  for (let batch = 0; batch < 200; batch++) {
    await writer.write(Array.from({ length: 1_000 }, (_, index) => index), [])
    await nextTurn()
  }
`

test('a reader of standard output that goes away does not fail the job', () => {
  const pipeline = '{ node --import tsx --input-type=module --eval "$0"; echo "exit $?" >&2; } | head -n 1'
  const { stdout, stderr } = spawnSync('sh', ['-c', pipeline, PROGRAM], { encoding: 'utf8' })
  expect(stdout).toBe('0\n')
  expect(stderr).toBe('exit 0\n')
})
