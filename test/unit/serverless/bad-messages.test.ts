import { describe, expect, test } from 'vitest'

import { COORDINATOR } from '../../../lib/model/actors.ts'
import { encodeEnvelope, encodeRequest } from '../../../lib/serverless/actor/envelope.ts'
import { pack } from '../../../lib/serverless/actor/packing.ts'
import { readJobStatus } from '../../../lib/serverless/coordinator/job-status-record.ts'
import { createHandlers, type JobHandlers } from '../../../lib/serverless/handlers.ts'
import type { JobRequest } from '../../../lib/serverless/protocol.ts'
import type { JobRuntime } from '../../../lib/serverless/runtime.ts'
import { forever, OneTask } from './task/one-task.ts'

interface Coordinated {
  readonly one: OneTask
  readonly runtime: JobRuntime
  readonly handlers: JobHandlers
}

/** Of a job that runs; its tasks are played. */
async function coordinated(): Promise<Coordinated> {
  const one = new OneTask()
  const runtime = one.runtime()
  const handlers = createHandlers(runtime)
  const start: JobRequest = { type: 'start', requestId: 'r1', from: undefined, allowNonRestoredState: false }
  await handlers.coordinator([{ messageId: 'start', body: encodeRequest(COORDINATOR, start) }], forever)
  one.happenings.length = 0
  return { one, runtime, handlers }
}

function report(one: OneTask, sequence: number, told: unknown): Uint8Array {
  const payload = { bytes: pack(told) }
  return encodeEnvelope({ kind: 'message', to: COORDINATOR, from: one.actor, attempt: 1, sequence, payload })
}

const refusedIn = (one: OneTask) =>
  one.world.mailbox.deadLetters.receive().map(({ group, body, reason }) => ({ group, body, reason }))

describe('the coordinator', () => {
  test.each([
    undefined,
    'start',
    { type: 'cancel' },
    { type: 'start', requestId: 'r2', from: 42 },
    { type: 'trigger-savepoint', requestId: 'r3', target: 42 },
    { type: 'stop', requestId: 'r4', target: {} },
  ])('refuses a request that is none, and takes what is behind it: %j', async (payload) => {
    const { one, runtime, handlers } = await coordinated()
    const bad = { messageId: 'bad', body: encodeRequest(COORDINATOR, payload) }
    const asked: JobRequest = { type: 'trigger-savepoint', requestId: 'r5', target: '../elsewhere' }
    const good = { messageId: 'good', body: encodeRequest(COORDINATOR, asked) }
    expect(await handlers.coordinator([bad, good], forever)).toEqual({ failed: [] })
    const reason = expect.stringMatching(/^Expected a request to a job/)
    expect(refusedIn(one)).toEqual([{ group: 'bad', body: bad.body, reason }])
    expect(one.happenings).toEqual([{ type: 'poison-message', messageId: 'bad', reason }])
    const { answers } = (await readJobStatus(runtime.log))!
    expect(answers['r5']).toMatchObject({ type: 'refused' })
  })

  test('writes no turn for a request that is none', async () => {
    const { runtime, handlers } = await coordinated()
    const entries = async () => (await runtime.log.read(COORDINATOR, undefined)).entries.length
    const before = await entries()
    await handlers.coordinator([{ messageId: 'bad', body: encodeRequest(COORDINATOR, null) }], forever)
    expect(await entries()).toBe(before)
  })

  test.each([null, { type: 'unheard-of' }, { type: 'acknowledge', checkpointId: 1, ack: {} }])(
    'refuses a report that is none, and hears the next of the same task: %j',
    async (told) => {
      const { one, handlers } = await coordinated()
      const bad = { messageId: 'bad', body: report(one, 0, told) }
      const failure = { type: 'failed', cause: { message: 'boom' } }
      const good = { messageId: 'good', body: report(one, 1, failure) }
      expect(await handlers.coordinator([bad, good], forever)).toEqual({ failed: [] })
      const reason = expect.stringMatching(/^Expected a report of a task/)
      expect(refusedIn(one)).toEqual([{ group: 'bad', body: bad.body, reason }])
      expect(one.happenings).toContainEqual(
        expect.objectContaining({ type: 'status', to: 'FAILING', cause: { message: 'boom' } }),
      )
    },
  )
})
