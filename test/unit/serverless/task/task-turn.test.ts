import { describe, expect, test } from 'vitest'
import { taskOfActor } from '../../../../lib/model/actors.ts'
import { taskId } from '../../../../lib/model/ids.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import type { TaskReport } from '../../../../lib/serverless/protocol.ts'
import { barrier, END, forever, OneTask, records, watermark } from './one-task.ts'

async function started(options: ConstructorParameters<typeof OneTask>[0] = {}): Promise<OneTask> {
  const one = new OneTask(options)
  await one.begin(1)
  await one.process().handle([one.order({ type: 'start' })], forever)
  one.reports()
  return one
}

const acknowledged = (one: OneTask): number[] =>
  one.reports().flatMap((report) => (report.type === 'acknowledge' ? [report.checkpointId] : []))

describe('a turn of a task', () => {
  test('ends at a barrier: what follows is of the next (invariant 4)', async () => {
    const one = await started()
    const process = one.process()
    const before = (await one.state()).position
    await process.handle(
      [one.elements(0, records('a'), barrier(1), records('b')), one.elements(1, barrier(1), records('c'))],
      forever,
    )
    const [ack] = one.reports().filter((report) => report.type === 'acknowledge')
    expect(ack).toMatchObject({ type: 'acknowledge', checkpointId: 1, ack: { position: before + 1 } })
    expect(one.elementsSent().map(({ kind }) => kind)).toEqual(['records', 'barrier', 'records'])
    expect((await one.state()).position).toBeGreaterThan(before + 1)
  })

  test('keeps what comes on a channel that waits for the others, in order, and in whichever process (invariant 3)', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, barrier(1), records('a'))], forever)
    await one.process().handle([one.elements(0, records('b'), watermark(5))], forever)
    expect(one.counts()).toEqual([])
    await one.process().handle([one.elements(0, records('c')), one.elements(1, records('x'))], forever)
    expect(one.counts()).toEqual(['x:1'])
    await one.process().handle([one.elements(1, barrier(1))], forever)
    expect(acknowledged(one)).toEqual([1])
    expect(one.counts()).toEqual(['a:1', 'b:1', 'c:1'])
    expect((await one.state()).state.stash).toEqual([])
  })

  test('writes down what is new of what it keeps, and not all of it again', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, barrier(1))], forever)
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({ length: 10 }, (_, i) => `${round} ${i} ${'x'.repeat(50)}`)
      await one.process().handle([one.elements(0, records(...keys))], forever)
    }
    const sizes = one.world.log.entries(one.actor).map(({ body }) => body.length)
    expect(sizes.at(-1)).toBeLessThan(2 * sizes.at(-20)!)
    await one.process().handle([one.elements(1, barrier(1))], forever)
    expect(one.counts()).toHaveLength(200)
    expect((await one.state()).state.stash).toEqual([])
  })

  test('looks up the keys of what it takes at once, whatever waits on a channel that is blocked', async () => {
    let worked = 0
    const one = await started({ working: () => worked++ })
    const many = Array.from({ length: 3_000 }, (_, i) => `a${i}`)
    const blocked = one.elements(0, barrier(1), records(...many))
    await one.process().handle([blocked, one.elements(1, records('b0', 'b1', 'b2'))], forever)
    // No record was processed twice: a row that is not there has the turn run again.
    expect(worked).toBe(3)
  })

  test('goes on with what it kept when the checkpoint is aborted', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, barrier(1), records('a'))], forever)
    await one.process().handle([one.order({ type: 'aborted', checkpointId: 1, reason: 'expired' })], forever)
    expect(one.counts()).toEqual(['a:1'])
    await one.process().handle([one.elements(1, barrier(1), records('b'))], forever)
    expect(one.counts()).toEqual(['b:1'])
    expect(acknowledged(one)).toEqual([])
  })

  test('fires timers in steps, each once, whoever takes the next (invariant 10)', async () => {
    const one = await started()
    const keys = Array.from({ length: 2_500 }, (_, i) => `k${i}`)
    for (let at = 0; at < keys.length; at += 500)
      await one
        .process()
        .handle(
          [one.elements(0, records(...keys.slice(at, at + 500).map((key) => ({ key, fireAtMs: 10 }))))],
          forever,
        )
    one.counts()
    const position = (await one.state()).position
    await one.process().handle([one.elements(0, watermark(20)), one.elements(1, watermark(20))], forever)
    const sent = one.elementsSent()
    const fired = sent.flatMap((element) => (element.kind === 'records' ? element.values : []))
    expect(fired.length).toBe(2_500)
    expect(sent.at(-1)).toEqual({ kind: 'watermark', timestampMs: 20 })
    expect((await one.state()).position).toBeGreaterThan(position + 2)
  })

  test('tells of the end of its input, once', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'), END)], forever)
    expect(one.reports().map(({ type }) => type)).not.toContain('input-ended')
    await one.process().handle([one.elements(1, END)], forever)
    expect(one.reports().map(({ type }) => type)).toContain('input-ended')
    await one.process().handle([one.elements(0, barrier(1)), one.elements(1, barrier(1))], forever)
    const reports = one.reports()
    expect(reports.map(({ type }) => type)).toEqual(['acknowledge'])
    expect(reports[0]).toMatchObject({ ack: { finished: true } })
  })

  test('what user code throws is the failure of the job, told once; what follows is dropped', async () => {
    const one = await started()
    const process = one.process()
    await process.handle([one.elements(0, records('a', { key: 'b', throws: 'no' }))], forever)
    const reports = one.reports()
    expect(reports.map(({ type }) => type)).toEqual(['failed'])
    expect(reports[0]).toMatchObject({ cause: { operatorUid: 'count', key: 'b' } })
    expect(await process.handle([one.elements(0, records('a')), one.nudge()], forever)).toEqual([])
    expect([...one.reports(), ...one.counts()]).toEqual([])
  })

  test('a key that is too long for a row is the fault of its record', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'.repeat(20_001)))], forever)
    const [report] = one.reports()
    expect(report).toMatchObject({ type: 'failed', cause: { operatorUid: 'count' } })
    const { message } = report!.type === 'failed' ? report!.cause : { message: '' }
    expect(message).toContain(
      "Operator 'count': expected a key of at most 19000 characters as JSON, got one of 20003",
    )
  })

  test('a key of a kilobyte and more is one like any other', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'.repeat(18_000)))], forever)
    expect(one.counts()).toHaveLength(1)
  })

  test("a live task is dropped when another process's turn is found", async () => {
    const one = await started()
    const [first, second] = [one.process(), one.process()]
    await first.handle([one.elements(0, records('a'))], forever)
    await second.handle([one.elements(0, records('a'))], forever)
    await first.handle([one.elements(0, records('a'))], forever)
    await second.handle([one.elements(0, records('a'))], forever)
    expect(one.counts()).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
  })

  test('processing-time timers wake it, and fire once', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records({ key: 'a', wakeAtMs: 1_005_000 }))], forever)
    expect(one.counts()).toEqual(['a:1'])
    one.clock.advance(5_000)
    await one.process().handle([one.nudge()], forever)
    expect(one.counts()).toEqual(['a!:2'])
    await one.process().handle([one.nudge()], forever)
    expect(one.counts()).toEqual([])
  })

  test('a first turn after an epoch without any is news to the coordinator', async () => {
    const one = await started()
    const bothBarriers = (id: number) => [one.elements(0, barrier(id)), one.elements(1, barrier(id))]
    await one.process().handle(bothBarriers(1), forever)
    expect(one.reports()).toMatchObject([{ type: 'acknowledge', ack: { active: false } }])
    await one.process().handle([one.elements(0, records('a'))], forever)
    expect(one.reports().map(({ type }) => type)).toEqual(['active'])
    await one.process().handle([one.elements(0, records('a'))], forever)
    expect(one.reports()).toEqual([])
    await one.process().handle(bothBarriers(2), forever)
    expect(one.reports()).toMatchObject([{ type: 'acknowledge', ack: { active: true } }])
  })
})

async function asked(one: OneTask, ...before: Delivery[]): Promise<TaskReport[]> {
  await one.process().handle([...before, one.order({ type: 'tell-quiescence' })], forever)
  return one.reports()
}

describe('a task that is asked whether it is quiescent', () => {
  test('tells what it did since it was asked before, and how far its channels are then', async () => {
    const one = await started()
    const source = taskOfActor(one.source(0))
    const next = taskId(one.plan.vertices[2]!.id, 0)
    const [first, ...others] = await asked(one, one.elements(0, records('a')), one.elements(0, records('b')))
    const { position } = await one.state()
    const sent = one.sent.length
    expect(others).toEqual([])
    expect(first).toMatchObject({ type: 'quiescence', active: true, position })
    expect(first).toMatchObject({ channels: { received: { [source]: 2 }, sent: { [next]: sent } } })
    expect(await asked(one)).toMatchObject([{ type: 'quiescence', active: false, position: position + 1 }])
  })

  test('says that it goes on before it answers, where one turn does both', async () => {
    const one = await started()
    await asked(one)
    const reports = await asked(one, one.elements(0, records('a')))
    expect(reports).toMatchObject([{ type: 'active' }, { type: 'quiescence', active: true }])
  })
})
