import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { socketText, type SocketTextOptions } from '../../../lib/connectors/index.ts'
import type { ReadStatus } from '../../../lib/stream/source.ts'
import { openReader, output, readerContext, splitSource, until, type Output, type Reader } from './drive.ts'

let server: Server
let port: number
let peers: Socket[]
let readers: Reader<unknown>[]
let nowMs: number
let wakeUps: number

beforeEach(async () => {
  peers = []
  readers = []
  nowMs = 0
  wakeUps = 0
  server = createServer((socket) => peers.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(async () => {
  for (const reader of readers) await reader.close?.()
  for (const peer of peers) peer.destroy()
  server.close()
})

async function open(options: Partial<SocketTextOptions> = {}): Promise<Reader<string>> {
  const context = readerContext({ now: () => nowMs, wakeUp: () => wakeUps++ })
  const reader = await openReader(socketText({ host: '127.0.0.1', port, ...options }), undefined, context)
  readers.push(reader)
  return reader
}

/** Reads whenever woken, until a status that is neither `more` nor `wait`, or until `count` records. */
async function readUntil<T>(reader: Reader<T>, out: Output<T>, count = Infinity): Promise<ReadStatus> {
  for (;;) {
    const seen = wakeUps
    const status = await reader.read(out, 10)
    if ((status !== 'more' && status !== 'wait') || out.all.length >= count) return status
    if (status === 'wait') await until(() => wakeUps > seen)
  }
}

async function connected<T>(reader: Reader<T>, out: Output<T>): Promise<Socket> {
  const before = peers.length
  expect(await reader.read(out, 10)).toBe('wait')
  await until(() => peers.length > before)
  return peers.at(-1)!
}

test('lines come as they arrive; the end of the connection ends the stream and its last line', async () => {
  const reader = await open()
  const out = output<string>()
  const peer = await connected(reader, out)
  const bytes = Buffer.from('a\r\n水b\n')
  peer.write(bytes.subarray(0, 4))
  await readUntil(reader, out, 1)
  peer.write(bytes.subarray(4))
  await readUntil(reader, out, 2)
  expect(reader.snapshot()).toEqual([{}])
  peer.end('\nlast')
  expect(await readUntil(reader, out)).toBe('end')
  expect(out.values).toEqual(['a', '水b', '', 'last'])
  expect(reader.snapshot()).toEqual([])
})

test('a delimiter of its own', async () => {
  const reader = await open({ delimiter: '||' })
  const out = output<string>()
  const peer = await connected(reader, out)
  peer.write('a|')
  peer.end('|b|c||\n')
  await readUntil(reader, out)
  expect(out.values).toEqual(['a', 'b|c', '\n'])
})

test('bad lines go to the dead letters', async () => {
  const reader = await open({ lineBytesMax: 5 })
  const out = output<string>()
  const peer = await connected(reader, out)
  peer.write(Buffer.from([0xff, 0x0a]))
  peer.end('123456789\nabc\n1234567')
  await readUntil(reader, out)
  expect(out.values).toEqual(['abc'])
  const at = `127.0.0.1:${port}`
  expect(out.letters).toEqual([
    { position: `${at}:1`, reason: 'not valid UTF-8', raw: '\uFFFD' },
    { position: `${at}:2`, reason: 'longer than 5 bytes', raw: '12345' },
    { position: `${at}:4`, reason: 'longer than 5 bytes', raw: '12345' },
  ])
})

test('what parse throws goes to the dead letters', async () => {
  const source = socketText({ host: '127.0.0.1', port, parse: (line) => JSON.parse(line) as unknown })
  const reader = await openReader(source, undefined, readerContext({ wakeUp: () => wakeUps++ }))
  readers.push(reader)
  const out = output<unknown>()
  const peer = await connected(reader, out)
  peer.end('{}\n{\n')
  expect(await readUntil(reader, out)).toBe('end')
  expect(out.values).toEqual([{}])
  expect(out.letters).toHaveLength(1)
})

describe('a lost connection', () => {
  test('is dialled again after the delay; data starts the count of retries anew', async () => {
    const reader = await open({ maxRetries: 1, retryDelay: '2 s' })
    const out = output<string>()
    for (const line of ['a', 'b', 'c']) {
      const peer = await connected(reader, out)
      peer.end(`${line}\n`)
      expect(await readUntil(reader, out)).toEqual({ waitUntilMs: nowMs + 2_000 })
      expect(reader.snapshot()).toEqual([{}])
      expect(await reader.read(out, 1)).toEqual({ waitUntilMs: nowMs + 2_000 })
      nowMs += 2_000
    }
    const silent = await connected(reader, out)
    silent.end()
    expect(await readUntil(reader, out)).toBe('end')
    expect(out.values).toEqual(['a', 'b', 'c'])
  })

  test('that breaks within a line fails the job once retries are used up', async () => {
    const reader = await open()
    const out = output<string>()
    const peer = await connected(reader, out)
    peer.write('a\nhal')
    await readUntil(reader, out, 1)
    peer.resetAndDestroy()
    await expect(readUntil(reader, out)).rejects.toThrow(
      /lost the connection to 127\.0\.0\.1:\d+: .*ECONNRESET/,
    )
    expect(out.values).toEqual(['a'])
    expect(out.letters).toMatchObject([{ raw: 'hal', reason: 'the connection broke within this line' }])
  })
})

test('a server that is not there fails the job', async () => {
  server.close()
  await once(server, 'close')
  const reader = await open()
  await expect(readUntil(reader, output())).rejects.toThrow(
    /socketText: cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED.* Expected a server that listens there/,
  )
})

test('a sender that is too fast is held back', async () => {
  const reader = await open({ bufferBytesMax: 10_000 })
  const out = output<string>()
  const peer = await connected(reader, out)
  const line = 'x'.repeat(999)
  const lines = 20_000
  let drained = false
  peer.write(`${line}\n`.repeat(lines), () => {
    drained = true
  })
  await until(() => wakeUps > 0)
  for (let turn = 0; turn < 1_000; turn++) await until(() => true)
  expect(drained).toBe(false)
  peer.end()
  expect(await readUntil(reader, out)).toBe('end')
  expect(out.values).toHaveLength(lines)
})

test('it has one subtask and no end of its own', () => {
  expect(splitSource(socketText({ host: 'h', port: 1 }))).toMatchObject({ parallelismMax: 1, bounded: false })
})

test('options are checked', () => {
  expect(() => socketText({ host: '', port: 70_000, delimiter: '' })).toThrow(
    /host to be .*\n.*port to be a whole number from 1 to 65535, got 70000\n.*delimiter/,
  )
  expect(() => socketText({ host: 'h', port: 1, retryDelay: 'soon' })).toThrow(
    /retryDelay: expected a duration/,
  )
})
