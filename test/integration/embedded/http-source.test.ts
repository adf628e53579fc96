import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { collect, defineJob, http, sqs, runJob, type JobDefinition, type Source } from 'millrace'
import { describe, expect, onTestFinished, test } from 'vitest'
import { post, urlOf } from '../examples/http-support.ts'
import { temporaryDirectory, TestJob, until } from '../examples/support.ts'

function passing<T>(source: Source<T>, into: T[], interval: string = 'off'): JobDefinition {
  return defineJob({ name: 'passing', checkpointing: { interval } }, (env) => {
    env.source('in', source).sinkTo('out', collect(into))
  })
}

describe('a port', () => {
  test('that is taken is told before anything runs', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    await expect(TestJob.start(passing(http({ port }), []))).rejects.toThrow(
      `http: cannot listen on 127.0.0.1:${port}: another program listens there; stop it, or choose another port`,
    )
  })

  test('is shared by sources, which are told apart by their paths', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const into: unknown[] = []
    const job = await TestJob.start(
      defineJob({ name: 'two' }, (env) => {
        env
          .source('a', http({ port }))
          .union(env.source('b', sqs({ queue: 'orders', embedded: 'http', port })))
          .sinkTo('out', collect(into))
      }),
    )
    const urls = [await urlOf(job), await urlOf(job)]
    expect(urls).toEqual([`http://127.0.0.1:${port}/a`, `http://127.0.0.1:${port}/b`])
    for (const url of urls) expect((await post(url, [url])).status).toBe(202)
    await until(() => into.length === 2, 'both are read')
    expect((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '1' })).status).toBe(404)
    expect((await fetch(urls[0]!)).status).toBe(405)
  })

  test('is given back when the job ends, however it ends', async () => {
    for (const end of ['cancel', 'stop', 'suspend'] as const) {
      const job = await TestJob.start(passing(http({ port: 0 }), [], '1 s'))
      const url = await urlOf(job)
      await job.next('deployed')
      await until(() => job.handle.status === 'RUNNING', 'it runs')
      if (end === 'stop') await job.handle.stop({ directory: job.directory })
      else await job.handle[end]()
      await job.handle.result
      await expect(fetch(url)).rejects.toThrow('fetch failed')
    }
  })
})

test('a queue needs the serverless runtime, unless something takes its place', async () => {
  await expect(runJob(passing(sqs({ queue: 'orders' }), []))).rejects.toThrow(
    "source 'in': sqs() reads queue 'orders' where the job is deployed to AWS; this runtime has no queue. To take its " +
      "records by HTTP here, give it embedded: 'http'",
  )
})

test('a body over its bound is refused while it comes, and the connection goes on', async () => {
  const job = await TestJob.start(passing(http({ port: 0 }), []))
  const url = await urlOf(job)
  const outgoing = request(url, { method: 'POST' })
  const answered = once(outgoing, 'response')
  for (let n = 0; n < 7; n++) outgoing.write(Buffer.alloc(1024 * 1024, 32))
  outgoing.end()
  const [response] = (await answered) as [{ statusCode: number; resume(): void }]
  response.resume()
  expect(response.statusCode).toBe(413)
  expect((await post(url, '1')).status).toBe(202)
})

test('two runs of a job do not share its records', async () => {
  const directory = await temporaryDirectory()
  const job = await TestJob.start(passing(http({ port: 0 }), []), { directory })
  await expect(TestJob.start(passing(http({ port: 0 }), []), { directory })).rejects.toThrow(
    'a job of this process',
  )
  await job.handle.cancel()
  await TestJob.start(passing(http({ port: 0 }), []), { directory })
})

test('a run from nothing reads all that is kept', async () => {
  const directory = await temporaryDirectory()
  const first: unknown[] = []
  const job = await TestJob.start(passing(http({ port: 0 }), first), { directory })
  await post(await urlOf(job), ['a', 'b'])
  await until(() => first.length === 2, 'both are read')
  await job.handle.cancel()
  const second: unknown[] = []
  await TestJob.start(passing(http({ port: 0 }), second), { directory })
  await until(() => second.length === 2, 'both are read again')
  expect(second).toEqual(first)
})

test('what every retained checkpoint has read is removed from the disk', async () => {
  const into: unknown[] = []
  const job = await TestJob.start(passing(http({ port: 0 }), into, '1 s'))
  const url = await urlOf(job)
  const directory = join(job.directory, 'ingest', 'passing', 'in', '0')
  const text = 'x'.repeat(250_000)
  let sent = 0
  const send = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++)
      await post(
        url,
        Array.from({ length: 10 }, () => text),
      )
    sent += count * 10
    await until(() => into.length === sent, 'all are read')
  }
  await send(8)
  expect(readdirSync(directory).length).toBe(3)
  await job.checkpoint(1_000)
  job.clock.advance(300_001)
  await job.next('checkpoint-completed')
  await until(() => readdirSync(directory).length === 1, 'old files are removed')
  expect(
    readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0),
  ).toBeLessThan(8_388_608)
  await send(1)
})

test('a record that a newer schema refuses goes to the dead letters, with its place and reason', async () => {
  const directory = await temporaryDirectory()
  const never = http({ port: 0 })
  const parked = await TestJob.start(passing(never, [], '1 s'), { directory })
  await post(await urlOf(parked), ['a', 1, 'b'])
  await parked.handle.cancel()

  const texts: string[] = []
  const letters: unknown[] = []
  const strict = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'string' ? { value } : { issues: [{ message: 'expected a text' }] },
    },
  }
  await TestJob.start(
    defineJob({ name: 'passing' }, (env) => {
      const source = env.source('in', http({ port: 0, schema: strict }))
      source.sinkTo('out', collect(texts))
      source.deadLetters.sinkTo('letters', collect(letters))
    }),
    { directory },
  )
  await until(() => texts.length + letters.length === 3, 'all are read')
  expect(texts).toEqual(['a', 'b'])
  expect(letters).toEqual([
    {
      operatorUid: 'in',
      position: expect.stringMatching(/^in#0:1\[1\] \(.*-1\)$/) as unknown,
      reason: 'expected a text',
      raw: '1',
    },
  ])
})

describe('a process that is killed', () => {
  const main = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))
  const job = fileURLToPath(new URL('killed-http-job.ts', import.meta.url))

  /** Runs the job; resolves to the process and where it listens. */
  async function run(
    directory: string,
    ...flags: readonly string[]
  ): Promise<{ child: ChildProcess; url: string }> {
    const child = spawn(
      process.execPath,
      [
        '--conditions=millrace-source',
        '--import',
        createRequire(import.meta.url).resolve('tsx'),
        main,
        'run',
        job,
        '--json',
        ...flags,
      ],
      { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    for await (const line of createInterface({ input: child.stdout })) {
      const event = JSON.parse(line) as { type: string; url?: string }
      if (event.type !== 'listening') continue
      // What is not read would hold the process back.
      child.stdout.resume()
      return { child, url: event.url! }
    }
    throw new Error('The process ended before it listened')
  }

  test('has every record that it accepted, and each once', async () => {
    const directory = await temporaryDirectory()
    const accepted = new Set<string>()
    let next = 0
    // A life may end before its job runs, and so before any checkpoint: all that was accepted is read from the beginning.
    const goOn = (): ReturnType<typeof run> =>
      run(directory, ...(hasCheckpoint(join(directory, '.millrace/checkpoints')) ? ['--from', 'latest'] : []))
    for (let life = 0; life < 3; life++) {
      const { child, url } = await goOn()
      const killAfter = 20 + life * 15
      for (let sent = 0; ; sent++) {
        const id = `r${next++}`
        if (sent === killAfter) child.kill('SIGKILL')
        // One that is cut off may have been accepted: it is sent again, under the same key, until it is known to be.
        const outcome = await post(url, { id }, { 'idempotency-key': id }).catch(() => undefined)
        if (outcome?.status === 202) accepted.add(id)
        else {
          next--
          break
        }
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    const { child, url } = await goOn()
    for (let n = 0; n < 5; n++) {
      const id = `r${next++}`
      expect((await post(url, { id }, { 'idempotency-key': id })).status).toBe(202)
      accepted.add(id)
    }
    child.kill('SIGTERM')
    await once(child, 'exit')
    // Each end commits what its last checkpoint holds when the job goes on from there.
    const last = await goOn()
    const seen = (): string[] => linesBelow(join(directory, 'out'))
    await until(() => seen().length >= accepted.size, 'everything is published')
    last.child.kill('SIGKILL')
    await once(last.child, 'exit')
    expect(seen().toSorted()).toEqual([...accepted].toSorted())
  }, 120_000)
})

function hasCheckpoint(directory: string): boolean {
  return (
    existsSync(directory) &&
    readdirSync(directory, { recursive: true }).some((name) => String(name).endsWith('_metadata'))
  )
}

function linesBelow(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .filter((name) => name.startsWith('part-'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((text) => text !== '')
    .map((text) => (JSON.parse(text) as { id: string }).id)
}
