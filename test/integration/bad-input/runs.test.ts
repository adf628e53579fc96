import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { runJob } from '../../../lib/index.ts'
import { Counting, refusalOf, Running, temporaryDirectory } from './support.ts'

const options = (root: string) => ({
  checkpointing: { interval: '1 h', directory: join(root, 'checkpoints') },
})

test('two jobs of one process do not go on with one run', async () => {
  const directory = temporaryDirectory()
  const counting = new Counting(options(directory))
  const first = await Running.start(counting.definition)
  counting.feed(1)
  await first.untilRead(1)
  const path = await first.suspend()

  const second = await Running.start(new Counting(options(directory)).definition, { from: 'latest' })
  const third = new Counting(options(directory)).definition
  expect(await refusalOf(runJob(third, { from: path }))).toMatch(
    /expected a run that nobody else goes on with, but a job of this process does\. Stop that first/,
  )
  await second.wait(second.handle.suspend())
  const fourth = await Running.start(third, { from: 'latest' })
  expect(fourth.handle.status).toBe('RUNNING')
})

test('two processes do not go on with one run; that of a dead process is taken over', async () => {
  const directory = temporaryDirectory()
  const counting = new Counting(options(directory))
  const running = await Running.start(counting.definition)
  counting.feed(1)
  await running.untilRead(1)
  const path = await running.suspend()

  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
  await once(other, 'spawn')
  const lock = join(dirname(path), 'lock')
  writeFileSync(lock, String(other.pid))
  const definition = new Counting(options(directory)).definition
  const message = await refusalOf(runJob(definition, { from: 'latest' }))
  expect(message).toContain(`but process ${other.pid} does`)
  expect(message).toContain(`remove ${lock}`)

  other.kill('SIGKILL')
  await once(other, 'exit')
  const again = await Running.start(definition, { from: 'latest' })
  expect(again.handle.status).toBe('RUNNING')
})

test('bad settings are told all at once, and nothing is started', async () => {
  const directory = temporaryDirectory()
  const message = await refusalOf(
    runJob(new Counting(options(directory)).definition, {
      parallelism: 0,
      set: {
        'execution.checkpointing.interval': 'soon',
        'execution.checkpointing.max-concurrent-checkpoints': '-1',
        'execution.checkpointing.intervall': '1 s',
        'state.backend.type': 'rocksdb',
      },
    }),
  )
  const problems = message.split('\n')
  expect(problems.length).toBeGreaterThanOrEqual(5)
  for (const part of ['parallelism', 'soon', '-1', 'intervall', 'rocksdb']) expect(message).toContain(part)
})
