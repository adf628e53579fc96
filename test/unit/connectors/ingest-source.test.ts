import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { http, sqs } from '../../../lib/connectors/index.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { IngestGone, type IngestBatch, type IngestLog } from '../../../lib/ports/ingest-log.ts'
import { drain, openReader, output, readerContext, splitSource, type Letter } from './drive.ts'

/** A log in memory: by partition, what came in at each position; undefined where an entry holds no record. */
class TestLog implements IngestLog {
  readonly partitions: (readonly string[] | undefined)[][]
  pageEntries = 2
  reads = 0

  constructor(...partitions: (readonly string[] | undefined)[][]) {
    this.partitions = partitions
  }

  async read(_uid: string, partition: number, after: number) {
    this.reads++
    const entries = this.partitions[partition] ?? []
    const page = entries.slice(after, after + this.pageEntries)
    const batches = page.flatMap((bodies, index): IngestBatch[] => {
      if (bodies === undefined) return []
      const position = after + index + 1
      const records = bodies.map((body, number) => ({
        id: `${position}-${number}`,
        body,
        refusal: body.startsWith('!') ? 'it is refused' : undefined,
        receivedAtMs: 1,
      }))
      return [{ position, records }]
    })
    const through = after + page.length
    return { batches, through, more: through < entries.length }
  }
}

const all = ['1', '2', '3', '4', '5', '6', '7', '8']
const log = (): TestLog =>
  new TestLog([
    ['1', '2'],
    undefined,
    ['3'],
    undefined,
    undefined,
    undefined,
    ['4', '5', '6'],
    ['7'],
    ['8'],
    undefined,
  ])

function context(ingest: IngestLog | undefined, subtaskIndex = 0, parallelism = 1) {
  return readerContext({ operatorUid: 'in', ingest, subtaskIndex, parallelism })
}

describe('reading', () => {
  test.each([1, 2, 3, 5, 100])(
    'gives every record once, in order, %i at a time, and then waits',
    async (batch) => {
      const reader = await openReader(http(), undefined, context(log()))
      const out = output<unknown>()
      expect(await drain(reader, out, Infinity, batch)).toBe('wait')
      expect(out.values.map(String)).toEqual(all)
      expect(reader.snapshot()).toEqual([{ partition: 0, position: 10, index: 0, begunIn: 1 }])
    },
  )

  test('goes on after a restart behind any record', async () => {
    for (let count = 0; count <= all.length; count++) {
      const before = output<unknown>()
      const first = await openReader(http(), undefined, context(log()))
      await drain(first, before, count, 3)
      const after = output<unknown>()
      const second = await openReader(http(), first.snapshot(), context(log()))
      await drain(second, after)
      expect([...before.values, ...after.values].map(String)).toEqual(all)
    }
  })

  test('goes on where more came in while it waited', async () => {
    const growing = log()
    const reader = await openReader(http(), undefined, context(growing))
    const out = output<unknown>()
    await drain(reader, out)
    growing.partitions[0]!.push(['9'])
    expect(await drain(reader, out)).toBe('wait')
    expect(out.values.at(-1)).toBe(9)
  })

  test('takes partitions in turn: a full one does not hold up the others', async () => {
    const busy = Array.from({ length: 50 }, () => ['1'])
    const reader = await openReader(
      http({ partitions: 3 }),
      undefined,
      context(new TestLog(busy, [['2']], [['3']])),
    )
    const out = output<unknown>()
    await drain(reader, out, 6, 1)
    expect(out.values).toContain(2)
    expect(out.values).toContain(3)
  })

  test('one read of each partition tells that there is nothing', async () => {
    const empty = new TestLog([], [], [])
    const reader = await openReader(http({ partitions: 3 }), undefined, context(empty))
    expect(await reader.read(output(), 10)).toBe('wait')
    expect(empty.reads).toBe(3)
  })

  test('tells where the record came from', async () => {
    const reader = await openReader(http(), undefined, context(log()))
    await drain(reader, output(), 4, 1)
    expect(reader.position?.()).toBe('in#0:7[0]')
  })
})

describe('partitions', () => {
  const source = http({ partitions: 5 })

  test('are dealt by their numbers', () => {
    expect(splitSource(source).enumerateSplits({ parallelism: 2 })).toEqual(
      Array.from({ length: 5 }, (_, partition) => ({ partition, position: 0, index: 0 })),
    )
    expect(splitSource(source).splitNumber?.({ partition: 4, position: 9, index: 0 })).toBe(4)
    expect(source.parallelismMax).toBe(5)
  })

  test('that a checkpoint does not know are read from their beginning', async () => {
    const reader = await openReader(
      source,
      [{ partition: 1, position: 7, index: 2 }],
      context(new TestLog(), 1, 2),
    )
    expect(reader.snapshot()).toEqual([
      { partition: 1, position: 7, index: 2 },
      { partition: 3, position: 0, index: 0, begunIn: 1 },
    ])
  })

  test('that the source has no more are still read to their end', async () => {
    const reader = await openReader(
      http(),
      [{ partition: 1, position: 0, index: 1 }],
      context(new TestLog([], [['1', '2']])),
    )
    const out = output<unknown>()
    await drain(reader, out)
    expect(out.values).toEqual([2])
    expect(reader.snapshot().length).toBe(2)
  })
})

describe('a record that is none', () => {
  test('goes to the dead letters, in its place', async () => {
    const schema = z.object({ n: z.number() })
    const reader = await openReader(
      http({ schema }),
      undefined,
      context(new TestLog([['{"n":1}', '{"n":"x"}', '!broken'], ['{"n":2}']])),
    )
    const out = output<{ n: number }>()
    await drain(reader, out)
    expect(out.all.map((one) => ('n' in one ? one.n : one.reason))).toEqual([
      1,
      expect.stringMatching(/^n: /) as unknown,
      'it is refused',
      2,
    ])
    expect(out.letters[1]).toEqual<Letter>({
      position: 'in#0:1[2] (1-2)',
      reason: 'it is refused',
      raw: '!broken',
    })
  })

  test('the record is what the schema makes of it', async () => {
    const reader = await openReader(
      http({ schema: z.object({ at: z.string() }).transform(({ at }) => Date.parse(at)) }),
      undefined,
      context(new TestLog([['{"at":"1970-01-01T00:00:01Z"}']])),
    )
    const out = output<number>()
    await drain(reader, out)
    expect(out.values).toEqual([1_000])
  })
})

test('a runtime without a front door is told of, and a log that lost what is needed', async () => {
  await expect(openReader(http(), undefined, context(undefined))).rejects.toThrow(
    "http source 'in': expected a runtime that takes records in, got one that does not",
  )
  const gone: IngestLog = { read: () => Promise.reject(new IngestGone('the log begins at position 9')) }
  const reader = await openReader(
    sqs({ queue: 'q' }),
    [{ partition: 0, position: 3, index: 0 }],
    context(gone),
  )
  await expect(reader.read(output(), 1)).rejects.toThrow(
    "sqs source 'in', partition 0: what came in after position 3 is not kept any more: the log begins at position 9. Begin from " +
      'a newer checkpoint, or from nothing',
  )
  const failing: IngestLog = { read: () => Promise.reject(new Error('throttled')) }
  await expect((await openReader(http(), undefined, context(failing))).read(output(), 1)).rejects.toThrow(
    'throttled',
  )
})

test('what goes while an attempt that began from nothing reads it fails that attempt, and no later start', async () => {
  const going = log()
  const first = await openReader(http(), undefined, context(going))
  await drain(first, output(), 3, 1)
  going.read = () => Promise.reject(new IngestGone('the content of position 7 was removed'))
  const failureIn = async (attempt: number): Promise<unknown> => {
    const taken = await openReader(http(), first.snapshot(), { ...context(going), attempt })
    return Promise.resolve(taken.read(output(), 1)).catch((cause: unknown) => cause)
  }
  const inTheSame = await failureIn(1)
  expect(inTheSame).not.toBeInstanceOf(UserError)
  expect(String(inTheSame)).toContain('since this attempt began. The next one begins with what is kept')
  // Of a savepoint, which has it as well.
  expect(await failureIn(2)).toBeInstanceOf(UserError)
})

test('what comes after a batch that was emitted in part, and is gone, is not taken for its rest', async () => {
  const truncated = log()
  const first = await openReader(http(), undefined, context(truncated))
  await drain(first, output(), 1, 1)
  expect(first.snapshot()).toMatchObject([{ position: 0, index: 1 }])
  // In another process, which finds the log to begin further on.
  truncated.read = async () => ({ batches: [{ position: 7, records: [] }], through: 7, more: false })
  const second = await openReader(http(), first.snapshot(), context(truncated))
  await expect(second.read(output(), 1)).rejects.toThrow('records of position 1 were removed')
})

describe('options', () => {
  test('are told of all at once', () => {
    expect(() => http({ port: -1, host: '', partitions: 0, recordBytesMax: 524_289 })).toThrow(
      [
        'http: expected host to be a host name or address, got ""',
        'http: expected port to be a whole number from 0 to 65535, got -1',
        'http: expected partitions to be a whole number from 1 to 256, got 0',
        'http: expected recordBytesMax to be a whole number from 1 to 524288, got 524289',
      ].join('\n'),
    )
  })

  test.each([
    'orders',
    'orders.fifo',
    'arn:aws:sqs:us-east-1:123456789012:orders',
    'arn:aws-cn:sqs:cn-north-1:123456789012:a.fifo',
  ])('%s is a queue', (queue) => {
    expect(sqs({ queue }).kind).toBe('sqs')
  })

  test.each([
    '',
    'a b',
    'https://sqs.us-east-1.amazonaws.com/123456789012/orders',
    'arn:aws:sns:us-east-1:123456789012:orders',
    'arn:aws:sqs:us-east-1:1:orders',
    'x'.repeat(81),
    'a.b',
  ])('%j is none', (queue) => {
    expect(() => sqs({ queue })).toThrow(
      `sqs: expected queue to be the name or ARN of an SQS queue, got ${JSON.stringify(queue)}`,
    )
  })
})
