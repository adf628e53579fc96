import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryDirectory } from './support.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

test('the demo crashes, restarts from a checkpoint, and counts right', async () => {
  const demo = spawn(
    process.execPath,
    [
      '--conditions=millrace-source',
      '--import',
      createRequire(import.meta.url).resolve('tsx'),
      path('demo/main.ts'),
    ],
    { cwd: await temporaryDirectory(), stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [output, [exitCode]] = await Promise.all([text(demo.stdout), once(demo, 'exit')])
  const story = [
    'The job runs.',
    'Checkpoint 1 ',
    'CRASH at line 10,557: The whale has struck the boat',
    'The restart strategy starts it again in 1.0 s.',
    'Restored from chk-',
    'the job has finished.',
    'The counts are equal: 212,053 words, 17,079 distinct.',
  ]
  expect(story.filter((part) => !output.includes(part))).toEqual([])
  const places = story.map((part) => output.indexOf(part))
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(exitCode).toBe(0)
}, 60_000)
