import { http, transactionalCollect } from 'millrace'
import { expect, test } from 'vitest'
import { line, wordCountHttp, type WordCount } from '../../../examples/word-count-http.ts'
import { post, urlOf } from './http-support.ts'
import { temporaryDirectory, TestJob, until } from './support.ts'

const lines = (partitions = 1) => http({ schema: line, port: 0, partitions })

/** The count of each word, each step of which must have come once, in order. */
function totals(counts: readonly WordCount[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { word, count } of counts) {
    if (count !== (found[word] ?? 0) + 1) throw new Error(`${word}: ${count} came after ${found[word] ?? 0}`)
    found[word] = count
  }
  return found
}

test('words of lines that come by HTTP are counted', async () => {
  const counts = transactionalCollect<WordCount>()
  const job = await TestJob.start(wordCountHttp(lines(), counts))
  const url = await urlOf(job)
  expect(await post(url, { line: 'To be or not to be' })).toMatchObject({
    status: 202,
    content: { accepted: 1 },
  })
  expect(await post(url, ['to be', { line: 'été 水' }])).toMatchObject({
    status: 202,
    content: { accepted: 2 },
  })
  expect(await post(url, { text: 'nothing' })).toMatchObject({ status: 400, content: { record: 0 } })
  await job.taken('words', 3)
  await job.checkpoint(1_000)
  await until(() => counts.values.length === 10, 'the counts are committed')
  expect(totals(counts.values)).toEqual({ to: 3, be: 3, or: 1, not: 1, été: 1, 水: 1 })
})

test.each([1, 3])(
  'a crash changes nothing, with %i partitions; nor does a request that comes twice',
  async (partitions) => {
    const counts = transactionalCollect<WordCount>()
    let crashes = 1
    const split = (text: string): readonly string[] => {
      if (text === 'crash' && crashes-- > 0) throw new Error('the power failed')
      return text.split(' ')
    }
    const source = http({ schema: line, port: 0, partitions, recordId: ({ line: text }) => text })
    const job = await TestJob.start(wordCountHttp(source, counts, split), { parallelism: partitions })
    const url = await urlOf(job)
    await post(url, ['one two', 'two three'])
    await job.taken('words', 2)
    const { path } = await job.checkpoint(1_000)
    await post(url, ['three one', 'crash', 'three'])
    expect(await job.restart()).toMatchObject({ restoredFrom: path })
    await post(url, ['one two', 'crash', 'four'])
    await job.taken('words', 4)
    await job.checkpoint(1_000)
    await until(() => counts.values.length === 9, 'the counts are committed')
    expect(totals(counts.values)).toEqual({ one: 2, two: 2, three: 3, crash: 1, four: 1 })
  },
)

test('records that were accepted while nothing read them are read by the next run', async () => {
  const directory = await temporaryDirectory()
  const counts = transactionalCollect<WordCount>()
  const job = await TestJob.start(wordCountHttp(lines(2), counts), { directory })
  const url = await urlOf(job)
  await post(url, ['a', 'b'])
  await job.taken('words', 2)
  await job.handle.suspend()
  await expect(fetch(url)).rejects.toThrow('fetch failed')

  // At another parallelism, with more partitions.
  const resumed = await TestJob.start(wordCountHttp(lines(4), counts), {
    directory,
    from: 'latest',
    parallelism: 3,
  })
  const next = await urlOf(resumed)
  for (let n = 0; n < 12; n++) await post(next, { line: 'a' })
  await resumed.taken('words', 12)
  await resumed.checkpoint(1_000)
  await until(() => counts.values.length === 14, 'the counts are committed')
  expect(totals(counts.values)).toEqual({ a: 13, b: 1 })
})
