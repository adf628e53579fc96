import { expect, test } from 'vitest'
import type { LogPosition, LogPositions } from '../../../../lib/checkpoint/checkpoint-record.ts'
import { taskId } from '../../../../lib/model/ids.ts'
import { pack } from '../../../../lib/serverless/actor/packing.ts'
import { shapeOf } from '../../../../lib/serverless/coordinator/plan-shape.ts'
import { underWayAt, type RunsByTask } from '../../../../lib/serverless/coordinator/under-way.ts'
import { barrier, forever, OneTask, records } from '../task/one-task.ts'

const NOWHERE: LogPosition = { attempt: 0, position: 0 }

async function started(): Promise<OneTask> {
  const one = new OneTask({ checkpointing: { unaligned: true } })
  await one.begin(1)
  await one.process().handle([one.order({ type: 'start' })], forever)
  one.reports()
  return one
}

/** The task takes checkpoint 2 now; where it then stood. */
async function overtaken(one: OneTask): Promise<LogPosition> {
  const order = { type: 'overtake', attempt: 1, checkpointId: 2, triggeredAtMs: 0 }
  await one.world.ports().log.putOrder(one.actor, { version: '1-2', body: pack(order) })
  await one.process().handle([one.nudge()], forever)
  const report = one.reports().find(({ type }) => type === 'acknowledge')
  const { position, channels } = report?.type === 'acknowledge' ? report.ack : {}
  return { attempt: 1, position: position!, channels }
}

/** As of a checkpoint of which the logs of the others have nothing. */
function underWay(one: OneTask, own: LogPosition): Promise<RunsByTask> {
  return underWayAt(2, logsOf(own), shapeOf(one.plan), one.runtime())
}

function logsOf(own: LogPosition): LogPositions {
  return { 'seen#0': NOWHERE, 'seen#1': NOWHERE, 'last#0': NOWHERE, 'count#0': own } as LogPositions
}

test('what had reached a task and waited there is under way, although its senders are past it', async () => {
  const one = await started()
  await one.process().handle([one.elements(0, barrier(1), records('a', 'b'))], forever)
  const runs = await underWay(one, await overtaken(one))
  expect(runs.get(taskId('count', 0))).toEqual([
    { sourceUid: 'seen', targetUid: 'count', inputIndex: 0, sender: 0, elements: [records('a', 'b')] },
  ])
  expect(runs.get(taskId('last', 0))).toEqual([])
})

test('what a task had sent before its barrier, and its receiver had not taken, is under way to that one', async () => {
  const one = await started()
  await one.process().handle([one.elements(0, records('a', 'b'))], forever)
  const own = await overtaken(one)
  await one.process().handle([one.elements(1, records('c'))], forever)
  const runs = await underWay(one, own)
  expect(runs.get(taskId('count', 0))).toEqual([])
  expect(runs.get(taskId('last', 0))).toMatchObject([
    {
      sourceUid: 'count',
      targetUid: 'last',
      sender: 0,
      elements: [
        {
          values: [
            { key: 'a', count: 1 },
            { key: 'b', count: 1 },
          ],
        },
      ],
    },
  ])
})

test.each([
  ['where another attempt went another way', { attempt: 2, position: 2 }],
  ['beyond its end', { attempt: 1, position: 99 }],
])('a place that is not in a log, %s, is told', async (_, place) => {
  const one = await started()
  await expect(underWay(one, place)).rejects.toThrow(
    'count#0: what it was at the checkpoint is not in its log',
  )
})

test('what is not in a log any more is told', async () => {
  const one = await started()
  const own = await overtaken(one)
  const before = { ...own, channels: { received: {}, sent: { [taskId('last', 0)]: 5 } } }
  await expect(underWay(one, before)).rejects.toThrow(
    /what was under way to last#0 .* is not in the log any more/,
  )
})

test('a log of which entries have expired in between is told of, too', async () => {
  const one = await started()
  await one.process().handle([one.elements(0, records('a'))], forever)
  const own = await overtaken(one)
  const runtime = one.runtime()
  const { log } = runtime
  const [, second] = one.world.log.entries(one.actor)
  const holed: typeof log = {
    ...log,
    read: async (actor, after) => {
      const page = await log.read(actor, after)
      return { ...page, entries: page.entries.filter(({ sort }) => sort !== second!.sort) }
    },
  }
  const reading = underWayAt(2, logsOf(own), shapeOf(one.plan), { ...runtime, log: holed })
  await expect(reading).rejects.toThrow('count#0: what it was at the checkpoint is not in its log')
})
