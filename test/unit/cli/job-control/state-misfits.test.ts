import { expect, test } from 'vitest'

import { metadataName } from '../../../../lib/checkpoint/checkpoint-paths.ts'
import { encodeMetadata } from '../../../../lib/checkpoint/metadata-codec.ts'
import { MemoryBlobStore } from '../../../../lib/embedded/memory-blob-store.ts'
import { defineJob, discard, generator, valueState } from '../../../../lib/index.ts'
import { sha256 } from '../../../../lib/node/sha256.ts'
import { deploymentOf } from '../../../../lib/serverless/deployment.ts'
import { misfitsOf, type Misfits } from '../../../../scripts/state-misfits.ts'
import { handle, recordOf } from '../../checkpoint/record-fixtures.ts'

const NAME = 'jumps/r1/chk-3'

/** Of a checkpoint with a source `readings` and a keyed operator `jump`, whose uid is this one in the new code. */
async function misfits(
  uid: string,
  location = `s3://bucket/${NAME}`,
  allowNonRestoredState = false,
): Promise<Misfits> {
  const { plan } = deploymentOf(
    defineJob({ name: 'jumps' }, (env) => {
      env
        .source('readings', generator({ count: 1, generate: (index) => index }))
        .keyBy((reading) => reading)
        .process(uid, { state: { last: valueState<number>() }, processElement: () => {} })
        .sinkTo('out', discard())
    }),
    undefined,
  )
  const store = new MemoryBlobStore('s3://bucket')
  await store.putIfAbsent(metadataName(NAME), encodeMetadata(recordOf(3, [handle('a')]), sha256))
  return misfitsOf({ location, plan, allowNonRestoredState, store: () => store })
}

test('code that has all operators takes over all state', async () => {
  expect(await misfits('jump')).toEqual({ type: 'known', problems: [] })
})

test('state that nothing claims is named, with the option that drops it', async () => {
  expect(await misfits('leap')).toEqual({
    type: 'known',
    problems: [
      expect.stringMatching(/nothing in this job claims: operator 'jump'.*--allow-non-restored-state/),
    ],
  })
  expect(await misfits('leap', undefined, true)).toEqual({ type: 'known', problems: [] })
})

test.each([
  ['s3://bucket/jumps/r1/chk-4', 'expected a checkpoint or savepoint, found none'],
  ['memory/jumps', 'memory/jumps is not in S3'],
])('of %s nothing is known', async (location, why) => {
  expect(await misfits('leap', location)).toEqual({ type: 'unknown', why: expect.stringContaining(why) })
})
