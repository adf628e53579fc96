import { describe, expect, test } from 'vitest'
import { taskId } from '../../../../lib/model/ids.ts'
import type { TaskAck } from '../../../../lib/checkpoint/task-ack.ts'
import type { RecordBatch } from '../../../../lib/model/elements.ts'
import type { Stashed, TaskGenesis } from '../../../../lib/serverless/protocol.ts'
import { ActorProcess } from '../../../../lib/serverless/actor/actor-process.ts'
import { pack } from '../../../../lib/serverless/actor/packing.ts'
import { taskSettingsOf } from '../../../../lib/serverless/task-settings.ts'
import { taskBehaviour } from '../../../../lib/serverless/task/task-behaviour.ts'
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
async function overtake(one: OneTask, checkpointId: number, looksAt = one.nudge()): Promise<TaskAck> {
  const order = { type: 'overtake', attempt: one.attempt, checkpointId, triggeredAtMs: 0 }
  const version = `${one.attempt}-${String(checkpointId).padStart(5, '0')}`
  await one.world.ports().log.putOrder(one.actor, { version, body: pack(order) })
  await one.process().handle([looksAt], forever)
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

const AT = { sourceUid: 'gone', tagId: undefined, targetUid: 'count', inputIndex: 0, sender: 0 }
const batch = (...keys: readonly string[]): RecordBatch => records(...keys) as RecordBatch

async function given(...stash: readonly Stashed[]): Promise<OneTask> {
  const one = new OneTask(UNALIGNED)
  await one.begin(1, undefined, { stash })
  await one.process().handle([one.order({ type: 'start' })], forever)
  return one
}

test('what is left of what a barrier overtook, code at another parallelism reads as well', async () => {
  const one = await started(UNALIGNED)
  const many = Array.from({ length: 2_100 }, () => 'a')
  await one.process().handle([one.elements(1, barrier(1), records(...many))], forever)
  await one.process().handle([one.elements(1, records('b'))], forever)
  const { position } = await overtake(one, 2)
  await one.begin(2, { attempt: 1, position: position! }, { checkpointId: 2, parallelism: { seen: 2 } })
  // Its first turn has its fill, and a part is left.
  await one.process().handle([one.order({ type: 'start' })], forever)
  expect(one.counts().at(-1)).toBe('b:1')
  const { plan } = new OneTask({ ...UNALIGNED, sources: 1 })
  const other = { ...one.runtime(), plan: { ...plan, fingerprint: one.plan.fingerprint } }
  await new ActorProcess(one.actor, taskBehaviour(other, one.actor), other).handle([one.nudge()], forever)
  const message = expect.stringContaining('runs another version of the job, at another parallelism') as string
  expect(one.happenings.at(-1)).toMatchObject({ type: 'warning', message })
})

describe('an attempt that is given what was under way', () => {
  test('takes it before what comes on its channels, once', async () => {
    const one = new OneTask(UNALIGNED)
    const stash = [{ from: one.source(0), edge: 0, elements: [records('a'), records('b')] }]
    await one.begin(1, undefined, { stash })
    // It may hear of others that have begun before it is told itself.
    await one.process().handle([one.elements(1, records('b'))], forever)
    expect(one.counts()).toEqual([])
    await one.process().handle([one.order({ type: 'start' }), one.elements(0, records('a'))], forever)
    expect(one.counts()).toEqual(['a:1', 'b:1', 'b:2', 'a:2'])
    await one.process().handle([one.elements(0, records('a'))], forever)
    expect(one.counts()).toEqual(['a:3'])
  })

  test('takes it within the chain where it is of no channel', async () => {
    const one = await given({ at: AT, elements: [batch('a', 'b'), batch('a')] })
    expect(one.counts()).toEqual(['a:1', 'b:1', 'a:2'])
  })

  test('has what is left of it in an unaligned checkpoint, and begins with that again', async () => {
    const one = new OneTask(UNALIGNED)
    await one.begin(1, undefined, { stash: [{ at: AT, elements: [batch('a', 'b')] }] })
    const { position } = await overtake(one, 1, one.order({ type: 'start' }))
    await restart(one, position!, { checkpointId: 1 })
    expect(one.counts()).toEqual(['a:1', 'b:1'])
  })

  test('of a source takes it before it reads, ends, or takes a checkpoint, whatever comes with the start', async () => {
    const one = new OneTask({ vertex: 0, mapped: true, poll: () => 'end' })
    const at = { ...AT, targetUid: 'mapped' }
    await one.begin(1, undefined, { stash: [{ at, elements: [batch('a')] }] })
    const trigger = { type: 'trigger', checkpointId: 1, triggeredAtMs: 0, kind: 'savepoint' } as const
    const orders = [
      one.order({ type: 'start' }),
      one.order({ ...trigger, stopSources: false, drain: true }),
      one.nudge(),
    ]
    await one.process().handle(orders, forever)
    const kinds = one.elementsSent().map(({ kind }) => kind)
    expect(kinds[0]).toBe('records')
    expect(kinds).toEqual(expect.arrayContaining(['barrier', 'end']))
  })

  test('goes by it, and not by what its base has of it', async () => {
    const one = await started(UNALIGNED)
    await one.process().handle([one.elements(0, barrier(1), records('a', 'b'))], forever)
    const { position } = await overtake(one, 2)
    const stash = [{ from: one.source(1), edge: 0, elements: [records('c')] }]
    await restart(one, position!, { checkpointId: 2, stash })
    expect(one.counts()).toEqual(['c:1'])
  })
})

test.each([
  { taken: true, deployed: 'off' as const, folds: 3 },
  { taken: false, deployed: '10 s' as const, folds: 1_000 - 512 },
])(
  'a run whose checkpoints are taken ($taken) folds by that, deployed with an interval of $deployed since',
  async ({ taken, deployed, folds }) => {
    const one = new OneTask({ checkpointing: { interval: deployed } })
    const settings = { ...taskSettingsOf(one.config), takesCheckpoints: taken }
    await one.begin(1, undefined, { settings })
    const { state } = await one.state()
    const behaviour = taskBehaviour(one.runtime(), one.actor)
    const place = { attempt: 1, position: 1_000 }
    expect(behaviour.foldable({ ...state, restorableFrom: 3 }, place)).toBe(folds)
    expect(behaviour.entriesAreRead!(state)).toBe(!taken)
  },
)
