import { describe, expect, test } from 'vitest'
import { taskId } from '../../../../lib/model/ids.ts'
import type { TaskAck } from '../../../../lib/checkpoint/task-ack.ts'
import type { TaskGenesis } from '../../../../lib/serverless/protocol.ts'
import { pack } from '../../../../lib/serverless/actor/packing.ts'
import { barrier, END, forever, OneTask, records, watermark } from './one-task.ts'

const UNALIGNED = { checkpointing: { unaligned: true } }

async function started(options: ConstructorParameters<typeof OneTask>[0] = {}): Promise<OneTask> {
  const one = new OneTask(options)
  await one.begin(1)
  await one.process().handle([one.order({ type: 'start' })], forever)
  one.reports()
  return one
}

function acknowledgement(one: OneTask): TaskAck {
  const [found] = one.reports().filter((report) => report.type === 'acknowledge')
  expect(found).toBeDefined()
  return found!.ack
}

/** Orders the checkpoint past the queue, and lets a process look. */
async function overtake(one: OneTask, checkpointId: number): Promise<TaskAck> {
  const order = { type: 'overtake', attempt: one.attempt, checkpointId, triggeredAtMs: 0 }
  const version = `${one.attempt}-${String(checkpointId).padStart(5, '0')}`
  await one.world.ports().log.putOrder(one.actor, { version, body: pack(order) })
  await one.process().handle([one.nudge()], forever)
  return acknowledgement(one)
}

/** A new attempt that goes on from there, in a process of its own. */
async function restart(one: OneTask, position: number, content: Partial<TaskGenesis>): Promise<void> {
  await one.begin(one.attempt + 1, { attempt: 1, position }, content)
  one.elementsSent()
  one.reports()
  await one.process().handle([one.order({ type: 'start' })], forever)
}

describe('an attempt that goes on from an aligned checkpoint', () => {
  test('has the state at the barrier, and none of what came after it (invariant 6)', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'), barrier(1), records('a'))], forever)
    await one.process().handle([one.elements(1, records('b'), barrier(1), records('b'))], forever)
    const { position } = acknowledgement(one)
    await restart(one, position!, { checkpointId: 1 })
    await one.process().handle([one.elements(0, records('a', 'b'))], forever)
    expect(one.counts()).toEqual(['a:2', 'b:2'])
  })
})

describe('an attempt that goes on from an unaligned checkpoint', () => {
  test('keeps what its barrier overtook on channels that it had not come on', async () => {
    const one = await started(UNALIGNED)
    // A checkpoint that comes to nothing blocks the channel.
    await one.process().handle([one.elements(0, barrier(1), records('a', 'b'))], forever)
    const { position, channels } = await overtake(one, 2)
    expect(Object.values(channels!.received)).toContain(1)
    await restart(one, position!, { checkpointId: 2 })
    expect(one.counts()).toEqual(['a:1', 'b:1'])
  })

  test('keeps nothing of what its senders sent after their barriers: they send it again (invariant 4)', async () => {
    const one = await started(UNALIGNED)
    await one.process().handle([one.elements(0, barrier(1), records('a'))], forever)
    // The sender took the next checkpoint before this task heard of it: its barrier waits behind the first.
    await one.process().handle([one.elements(0, barrier(2))], forever)
    await one.process().handle([one.elements(0, records('b'))], forever)
    const { position } = await overtake(one, 2)
    await restart(one, position!, { checkpointId: 2 })
    await one.process().handle([one.elements(0, records('b'))], forever)
    expect(one.counts()).toEqual(['a:1', 'b:1'])
  })

  test('takes the end of a channel that was under way, and again from the sender that begins behind it', async () => {
    const one = await started(UNALIGNED)
    await one.process().handle([one.elements(0, barrier(1), records('a'), END)], forever)
    const { position } = await overtake(one, 2)
    await restart(one, position!, { checkpointId: 2 })
    expect(one.counts()).toEqual(['a:1'])
    await one.process().handle([one.elements(0, watermark(Infinity), END), one.elements(1, END)], forever)
    expect(one.reports().map(({ type }) => type)).toEqual(['input-ended'])
  })

  test('counts what it sent again in its own checkpoints, from which it is sent once more', async () => {
    const one = await started(UNALIGNED)
    await one.process().handle([one.elements(0, records('a'))], forever)
    const first = await overtake(one, 1)
    const to = taskId(one.plan.vertices[2]!.id, 0)
    await restart(one, first.position!, {
      checkpointId: 1,
      inFlight: [{ to, attempt: 1, first: 0, end: first.channels!.sent[to]! }],
    })
    expect(one.counts()).toEqual(['a:1'])
    const second = await overtake(one, 2)
    expect(one.elementsSent().map(({ kind }) => kind)).toEqual(['barrier'])
    // Of the second attempt's channel: the message sent again, and that of the barrier.
    expect(second.channels!.sent[to]).toBe(2)
    await one.begin(
      3,
      { attempt: 2, position: second.position! },
      {
        checkpointId: 2,
        inFlight: [{ to, attempt: 2, first: 0, end: 2 }],
      },
    )
    await one.process().handle([one.order({ type: 'start' })], forever)
    expect(one.counts()).toEqual(['a:1'])
  })

  test('sends again what was under way, before anything else, as often as it begins', async () => {
    const one = await started(UNALIGNED)
    await one.process().handle([one.elements(0, records('a'))], forever)
    const { position, channels } = await overtake(one, 1)
    const to = taskId(one.plan.vertices[2]!.id, 0)
    const end = channels!.sent[to]!
    const inFlight = [{ to, attempt: 1, first: 0, end }]
    for (let times = 0; times < 3; times++) {
      await restart(one, position!, { checkpointId: 1, inFlight })
      await one.process().handle([one.elements(0, records('b'))], forever)
      expect(one.counts()).toEqual(['a:1', 'b:1'])
    }
  })
})
