import { describe, expect, test } from 'vitest'
import { collection, collectSink, defineJob, noRestart, runJob } from '../../../lib/index.ts'

describe('the failure of a job tells where its record came from', () => {
  test('on the channel to a task beyond the source', async () => {
    const job = defineJob({ name: 'fails', restart: noRestart() }, (env) => {
      env
        .source('words', collection(['a', 'b', 'c']))
        .keyBy((word) => word)
        .process('picky', {
          processElement(word) {
            if (word === 'b') throw new Error('not this one')
          },
        })
        .sinkTo('out', collectSink())
    })
    const { cause } = await (await runJob(job)).result
    expect(cause).toMatchObject({ operatorUid: 'picky', key: 'b', position: 'words#0, element 1, record 2' })
  })
})
