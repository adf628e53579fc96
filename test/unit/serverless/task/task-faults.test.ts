import { expect, test } from 'vitest'
import { COORDINATOR } from '../../../../lib/model/actors.ts'
import { assert } from '../../../../lib/model/faults.ts'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../../lib/serverless/actor/envelope.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { LOG_LIMITS } from '../../../../lib/serverless/actor/limits.ts'
import { createHandlers } from '../../../../lib/serverless/handlers.ts'
import type { JobRequest } from '../../../../lib/serverless/protocol.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import { taskSettingsOf } from '../../../../lib/serverless/task-settings.ts'
import { forever, OneTask, records } from './one-task.ts'

const denial = new PlatformFault('not allowed', { passes: false })

/** What the task's function asked of the coordinator, where `change` is made to what it works with. */
async function requestsOf(
  one: OneTask,
  deliveries: readonly Delivery[],
  change: (runtime: JobRuntime) => Partial<JobRuntime>,
): Promise<{ readonly failed: readonly string[]; readonly requests: readonly JobRequest[] }> {
  const requests: JobRequest[] = []
  const base = one.runtime()
  const runtime: JobRuntime = {
    ...base,
    mailbox: {
      ...base.mailbox,
      send: async (messages) => {
        for (const { to, body } of messages) {
          const envelope = decodeEnvelope(body)
          if (to === COORDINATOR && envelope.kind === 'request') requests.push(envelope.payload as JobRequest)
        }
        return base.mailbox.send(messages)
      },
    },
  }
  const { operator } = createHandlers({ ...runtime, ...change(runtime) })
  const messages = deliveries.map(({ messageId, envelope }) => ({
    messageId,
    body: encodeEnvelope(envelope),
  }))
  const { failed } = await operator(messages, forever)
  return { failed, requests }
}

/** Keys of records that do not fit into an entry of a log. */
const large = Array.from({ length: LOG_LIMITS.inlineBytes }, (_, i) => `key ${Math.sin(i)}`)

async function begun(): Promise<OneTask> {
  const one = new OneTask()
  await one.begin(1)
  return one
}

test('a task that may not append its turn has the coordinator told so, once an attempt', async () => {
  const one = await begun()
  const start = one.order({ type: 'start' })
  const denied = () =>
    requestsOf(one, [start], ({ log }) => ({ log: { ...log, append: () => Promise.reject(denial) } }))
  const told = await denied()
  const request = { type: 'denied', actor: one.actor, attempt: 1, message: 'not allowed' }
  expect(told).toEqual({
    failed: [start.messageId],
    requests: [{ ...request, requestId: `denied-${one.actor}/1` }],
  })
  expect(await denied()).toEqual(told)
})

test('a task that may not even read its log has the coordinator told so', async () => {
  const one = await begun()
  const { requests } = await requestsOf(one, [one.order({ type: 'start' })], ({ log }) => ({
    log: { ...log, head: () => Promise.reject(denial) },
  }))
  expect(requests).toMatchObject([{ type: 'denied', attempt: undefined, message: 'not allowed' }])
})

const MISSING = `log/sender/1-1-payload-${'0'.repeat(64)}`

/** The same message, but that what it carries is in an object which is not there. */
function withoutObject({ messageId, envelope }: Delivery): Delivery {
  assert(envelope.kind === 'message', 'it comes on a channel')
  return { messageId, envelope: { ...envelope, payload: { blob: MISSING } } }
}

const missing = ({ blobs }: JobRuntime): Partial<JobRuntime> => ({
  blobs: { ...blobs, location: blobs.location, get: () => Promise.resolve(undefined) },
})

test('a task whose log lacks an object has the coordinator told which it is, whatever attempt it is', async () => {
  const one = await begun()
  await requestsOf(one, [one.order({ type: 'start' }), one.elements(0, records(...large))], () => ({}))
  const { failed, requests } = await requestsOf(one, [one.nudge()], missing)
  expect(failed).toHaveLength(1)
  expect(requests).toMatchObject([
    {
      type: 'denied',
      attempt: undefined,
      message: expect.stringMatching(/log\/.* is gone, though it is still needed$/),
    },
  ])
})

test('a task that waits for a message whose object is gone has the coordinator told which it is, and stands in no way', async () => {
  const one = await begun()
  await requestsOf(one, [one.order({ type: 'start' })], () => ({}))
  const lost = withoutObject(one.elements(0, records('a')))
  const { failed, requests } = await requestsOf(one, [lost], () => ({}))
  expect(failed).toEqual([])
  expect(requests).toMatchObject([
    { type: 'denied', attempt: 1, message: expect.stringContaining(`${MISSING} is gone, though`) },
  ])
})

test('a message that can never be taken comes again where the coordinator cannot be told of it', async () => {
  const one = await begun()
  await requestsOf(one, [one.order({ type: 'start' })], () => ({}))
  const lost = withoutObject(one.elements(0, records('a')))
  const { failed } = await requestsOf(one, [lost], ({ mailbox }) => ({
    mailbox: { ...mailbox, send: (messages) => Promise.resolve(messages.map(() => 'failed' as const)) },
  }))
  expect(failed).toEqual([lost.messageId])
  const message = `${one.actor}: the job is not told of it: it could not be sent`
  expect(one.happenings).toContainEqual({ type: 'warning', message })
})

test('a message whose object is gone because it was taken meanwhile is let go', async () => {
  const one = await begun()
  await requestsOf(one, [one.order({ type: 'start' })], () => ({}))
  const delivery = one.elements(0, records('a'))
  const taken = withoutObject(delivery)
  // Another process takes it between this one's look at the log and its look at the object.
  let isTaken = false
  const { failed, requests } = await requestsOf(one, [taken], ({ blobs }) => ({
    blobs: {
      ...blobs,
      location: blobs.location,
      get: async () => {
        if (!isTaken) await one.process().handle([delivery], forever)
        isTaken = true
        return undefined
      },
    },
  }))
  expect({ isTaken, failed, requests }).toEqual({ isTaken: true, failed: [], requests: [] })
})

test('a task whose log was altered has the coordinator told which object it was', async () => {
  const one = await begun()
  await requestsOf(one, [one.order({ type: 'start' }), one.elements(0, records(...large))], () => ({}))
  const { requests } = await requestsOf(one, [one.nudge()], ({ blobs }) => ({
    blobs: { ...blobs, location: blobs.location, get: () => Promise.resolve(new Uint8Array(5)) },
  }))
  expect(requests).toMatchObject([
    { type: 'denied', message: expect.stringMatching(/log\/.*it was altered$/) },
  ])
})

test('a task of other code than its attempt has the coordinator compare its own, each time', async () => {
  const one = new OneTask()
  await one.begin(1, undefined, { fingerprint: 'of other code' })
  const start = one.order({ type: 'start' })
  for (let times = 0; times < 2; times++) {
    expect(await requestsOf(one, [start], () => ({}))).toEqual({
      failed: [start.messageId],
      requests: [{ type: 'tick' }],
    })
  }
  expect(one.happenings).toContainEqual({
    type: 'warning',
    message: expect.stringMatching(
      /attempt 1 runs another version of the job, of other operators, than this function/,
    ),
  })
})

test.each([
  { key: 'execution.checkpointing.interval', settings: {}, interval: 'off' as const },
  { key: 'execution.checkpointing.mode', settings: { mode: 'at-least-once' as const } },
  { key: 'execution.checkpointing.unaligned.enabled', settings: { unaligned: true } },
  { key: 'execution.poison-records.dead-letter-after', settings: { setsRecordsAside: true } },
])('nor does a function with another $key take a turn', async ({ key, settings, interval = '10 s' }) => {
  const one = new OneTask({ checkpointing: { interval } })
  const run = { ...taskSettingsOf(one.config), takesCheckpoints: true, ...settings }
  await one.begin(1, undefined, { settings: run })
  const start = one.order({ type: 'start' })
  expect(await requestsOf(one, [start], () => ({}))).toEqual({
    failed: [start.messageId],
    requests: [{ type: 'tick' }],
  })
  const message = expect.stringContaining(`with other settings (${key})`) as string
  expect(one.happenings).toContainEqual({ type: 'warning', message })
})

test('whatever code is deployed when the job is over, rows are brought up to where it can be gone on from', async () => {
  const one = new OneTask()
  await one.begin(1, undefined, { fingerprint: 'of other code' })
  expect(await one.process().handle([one.order({ type: 'materialize', position: 1 })], forever)).toEqual([])
  expect(one.reports()).toEqual([{ type: 'materialized', position: 1 }])
})

test('a throttle is nobody’s failure', async () => {
  const one = await begun()
  const { failed, requests } = await requestsOf(one, [one.order({ type: 'start' })], ({ log }) => ({
    log: { ...log, append: () => Promise.reject(new PlatformFault('throttled')) },
  }))
  expect(failed).toHaveLength(1)
  expect(requests).toEqual([])
})
