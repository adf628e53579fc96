import { describe, expect, test } from 'vitest'
import { taskActor } from '../../../../lib/model/actors.ts'
import { taskId, type ActorId } from '../../../../lib/model/ids.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import { forever, OneTask, type Poll } from './one-task.ts'

async function started(poll: Poll, options: ConstructorParameters<typeof OneTask>[0] = {}): Promise<OneTask> {
  const one = new OneTask({ vertex: 0, poll, ...options })
  await one.begin(1)
  return one
}

const kinds = (one: OneTask): string[] => one.elementsSent().map(({ kind }) => kind)

function trigger(
  one: OneTask,
  checkpointId: number,
  stop: { stopSources: boolean; drain: boolean },
): Delivery {
  const kind = stop.stopSources ? 'savepoint' : 'checkpoint'
  return one.order({ type: 'trigger', checkpointId, triggeredAtMs: 0, kind, ...stop })
}

const NO_STOP = { stopSources: false, drain: false }

describe('a task of a source', () => {
  test('reads nothing before every task has its genesis', async () => {
    let polls = 0
    const one = await started(() => {
      polls++
      return 'wait'
    })
    await one.process().handle([one.nudge()], forever)
    expect(polls).toBe(0)
    await one.process().handle([one.order({ type: 'start' })], forever)
    expect(polls).toBe(1)
  })

  test('that waits looks again when it is nudged, and not before', async () => {
    const left = ['a']
    let polls = 0
    const one = await started((collect) => {
      polls++
      const key = left.shift()
      if (key !== undefined) collect({ key })
      return 'wait'
    })
    await one.process().handle([one.order({ type: 'start' })], forever)
    expect([polls, kinds(one)]).toEqual([1, ['records']])
    await one.process().handle([trigger(one, 1, NO_STOP)], forever)
    expect([polls, kinds(one)]).toEqual([1, ['barrier']])
    left.push('b')
    await one.process().handle([one.nudge()], forever)
    expect([polls, kinds(one)]).toEqual([2, ['records']])
  })

  test('that names a time which has come, and gives nothing, is asked again later and not for ever', async () => {
    let polls = 0
    const one = await started(() => {
      polls++
      return { waitUntilMs: 0 }
    })
    await one.process().handle([one.order({ type: 'start' })], forever)
    expect(polls).toBe(1)
    expect(one.world.wakeUps.queue.size).toBe(1)
  })

  test('stops at the barrier of a stop, and reads on if that is aborted', async () => {
    let polls = 0
    const one = await started(() => {
      polls++
      return 'wait'
    })
    await one.process().handle([one.order({ type: 'start' })], forever)
    await one.process().handle([trigger(one, 1, { stopSources: true, drain: false }), one.nudge()], forever)
    expect([polls, kinds(one)]).toEqual([1, ['barrier']])
    await one.process().handle([one.nudge()], forever)
    expect(polls).toBe(1)
    await one.process().handle([one.order({ type: 'aborted', checkpointId: 1, reason: 'expired' })], forever)
    expect(polls).toBe(2)
  })

  test('that drains ends event time before the barrier', async () => {
    const one = await started(() => 'wait')
    await one.process().handle([one.order({ type: 'start' })], forever)
    await one.process().handle([trigger(one, 1, { stopSources: true, drain: true })], forever)
    expect(one.elementsSent()).toMatchObject([
      { kind: 'watermark', timestampMs: Infinity },
      { kind: 'barrier', checkpointId: 1 },
    ])
  })

  test('ends once, takes part in checkpoints after that, and closes when it is told to', async () => {
    const one = await started(() => 'end')
    await one.process().handle([one.order({ type: 'start' })], forever)
    expect(kinds(one)).toEqual(['watermark', 'end'])
    await one.process().handle([one.nudge()], forever)
    await one.process().handle([trigger(one, 1, NO_STOP)], forever)
    expect(kinds(one)).toEqual(['barrier'])
    expect(one.reports().map(({ type }) => type)).toEqual(['input-ended', 'acknowledge'])
    await one.process().handle([one.order({ type: 'finish' })], forever)
    expect(one.reports()).toEqual([{ type: 'closed' }])
  })

  test('that waits for a time has itself woken then, and reads from then on', async () => {
    let polls = 0
    const one = await started(() => {
      polls++
      return { waitUntilMs: polls === 1 ? 1_030_000 : 1_090_000 }
    })
    const process = one.process()
    await process.handle([one.order({ type: 'start' })], forever)
    await process.handle([one.nudge()], forever)
    expect(polls).toBe(1)
    one.clock.advance(30_000)
    const woken = one.world.wakeUps.queue.receive()
    expect(woken).toHaveLength(1)
    await one.process().handle([one.nudge()], forever)
    expect(polls).toBe(2)
  })

  test('pauses while the tasks below are far behind, and looks again in a while (invariant 11)', async () => {
    let polls = 0
    const one = await started((collect) => {
      collect({ key: `${polls++}` })
      return 'more'
    })
    const asked = new Set<ActorId>()
    one.backlog = (actors) => {
      for (const actor of actors) asked.add(actor)
      return 501
    }
    const process = one.process()
    await process.handle([one.order({ type: 'start' }), one.nudge()], forever)
    expect([polls, kinds(one)]).toEqual([0, []])
    // Each may be served from a queue of its own; that of the source itself is no measure.
    expect([...asked]).toEqual(one.plan.vertices.slice(1).map(({ id }) => taskActor(taskId(id, 0))))
    // Its barrier is not held up.
    await process.handle([trigger(one, 1, NO_STOP)], forever)
    expect(kinds(one)).toEqual(['barrier'])
    one.clock.advance(1_000)
    expect(one.world.wakeUps.queue.receive()).not.toEqual([])
    one.backlog = () => 0
    // Reads until its slice is over.
    let leftMs = 60_000
    await process.handle([one.nudge()], { remainingMs: () => (leftMs -= 100) })
    expect(polls).toBeGreaterThan(0)
    expect(new Set(kinds(one))).toEqual(new Set(['records']))
  })

  test.each([
    ['may not be looked at', false, 1, []],
    ['cannot be looked at for a moment', true, 0, ['again']],
  ])('whose queue %s does not fail', async (_, passes, polled, again) => {
    let polls = 0
    const one = await started(() => {
      polls++
      return 'wait'
    })
    one.backlog = () => {
      throw new PlatformFault('sqs:GetQueueAttributes on queue seen failed', { passes })
    }
    const start = { ...one.order({ type: 'start' }), messageId: 'again' }
    expect(await one.process().handle([start], forever)).toEqual(again)
    expect([polls, one.reports()]).toEqual([polled, []])
    expect(one.happenings).toMatchObject([
      { type: 'warning', message: expect.stringContaining('sqs:GetQueueAttributes on queue seen failed') },
    ])
  })
})
