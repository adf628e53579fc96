import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { expect, test } from 'vitest'

import { userLocation, userStack } from '../../../../cli/text/stack.ts'

const here = process.cwd()
const url = (path: string): string => pathToFileURL(join(here, path)).href

const STACK = `TypeError: bad luck
of two lines
    at Array.map (<anonymous>)
    at process.<computed> [as onHang] (${url('cli/run/watchdog.ts')}:1:2)
    at eval (eval at check (${url('examples/job.ts')}:1:1), <anonymous>:1:40)
    at Object.check (${url('examples/my job.ts')}:12:5)
    at ${join(here, 'examples/job.ts')}:13:7
    at async file:///elsewhere/lib.mjs:3:4
    at MapOperator.record (${join(here, 'lib/operators/map.ts')}:20:11)
    at async Command.parseAsync (${join(here, 'node_modules/commander/lib/command.js')}:1122:5)
    at node:internal/main/run_main:1:1`

test('a stack is cut to what its reader wrote', () => {
  expect(userStack(STACK)).toEqual([
    'TypeError: bad luck',
    'of two lines',
    '    at Object.check (examples/my job.ts:12:5)',
    '    at examples/job.ts:13:7',
    '    at async /elsewhere/lib.mjs:3:4',
  ])
  expect(userLocation(STACK)).toBe('examples/my job.ts:12:5')
})

test('a stack that has nothing of the reader is better than none', () => {
  const stack = `Error: defect\n    at run (${join(here, 'lib/task/task.ts')}:1:2)\n    at node:internal/main:1:1`
  expect(userStack(stack)).toEqual([
    'Error: defect',
    '    at run (lib/task/task.ts:1:2)',
    '    at node:internal/main:1:1',
  ])
  expect(userLocation(stack)).toBeUndefined()
})
