import { describe, expect, test } from 'vitest'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import { NO_FAULTS, type Faults } from '../../../world/faults.ts'
import { barrier, forever, NAMESPACE, OneTask, records } from './one-task.ts'

async function started(options: ConstructorParameters<typeof OneTask>[0] = {}): Promise<OneTask> {
  const one = new OneTask(options)
  await one.begin(1)
  await one.process().handle([one.order({ type: 'start' })], forever)
  one.reports()
  return one
}

const barriers = (one: OneTask, id: number, isSavepoint = false) => [
  one.elements(0, barrier(id, isSavepoint)),
  one.elements(1, barrier(id, isSavepoint)),
]

async function storedKeys(one: OneTask): Promise<string[]> {
  const { rows } = one.world.ports()
  const keys: string[] = []
  for (let keyGroup = 0; keyGroup < 4; keyGroup++) {
    const found = await rows.scan({ namespace: NAMESPACE, operatorUid: 'count', keyGroup }, undefined)
    keys.push(...found.rows.map(({ rowKey }) => JSON.parse(rowKey.slice(rowKey.indexOf('"'))) as string))
  }
  return keys.toSorted()
}

/** Has a checkpoint taken and completed; resolves to its position. */
async function checkpointed(one: OneTask, id: number): Promise<number> {
  await one.process().handle(barriers(one, id), forever)
  const position = one
    .reports()
    .flatMap((report) => (report.type === 'acknowledge' ? [report.ack.position!] : []))
    .at(-1)!
  const complete = { type: 'complete', checkpointId: id, restorableFrom: position } as const
  await one.process().handle([one.order(complete)], forever)
  return position
}

describe('rows', () => {
  test('are brought up to the position ordered, however the job ended, and that is told once', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a', 'b'))], forever)
    const position = await checkpointed(one, 1)
    await one.process().handle([one.elements(0, records('c'))], forever)
    await one.process().handle([one.elements(0, records({ key: 'd', throws: 'no' }))], forever)
    one.reports()
    await one.process().handle([one.order({ type: 'materialize', position })], forever)
    expect(one.reports()).toEqual([{ type: 'materialized', position }])
    expect(await storedKeys(one)).toHaveLength(2)
    await one.process().handle([one.nudge()], forever)
    expect(one.reports()).toEqual([])
  })

  test('of a task at rest are written as far as the oldest checkpoint that may be gone back to', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'))], forever)
    await checkpointed(one, 1)
    expect(await storedKeys(one)).toEqual([])
    await checkpointed(one, 2)
    expect(await storedKeys(one)).toHaveLength(1)
    expect((await one.state()).state.keyed.overlay.size).toBe(0)
    // They are read again where they are needed.
    await one.process().handle([one.elements(0, records('a'))], forever)
    expect(one.counts()).toEqual(['a:1', 'a:2'])
  })
})

describe('a savepoint', () => {
  test('holds the rows as of its barrier, copied before any other record is taken', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a', 'a', 'b'))], forever)
    await one.process().handle([...barriers(one, 1, true), one.elements(0, records('a'))], forever)
    const [report] = one.reports().filter(({ type }) => type === 'acknowledge')
    expect(report).toMatchObject({ checkpointId: 1 })
    const segments = report!.type === 'acknowledge' ? report!.ack.operators[0]!.segments : []
    expect(segments.reduce((sum, { rows }) => sum + rows, 0)).toBe(2)
    const restore = {
      watermarkMs: Number.NEGATIVE_INFINITY,
      inputEnded: false,
      operatorState: [],
      segments: [['count', segments] as const],
      positionFloor: 0,
      allowNonRestoredState: false,
    }
    await one.begin(2, undefined, { namespace: 'others', restore })
    one.elementsSent()
    await one.process().handle([one.nudge()], forever)
    expect(one.reports().map(({ type }) => type)).toEqual(['ready'])
    const order = one.order({ type: 'start' })
    await one.process().handle([order, one.elements(0, records('a', 'b'))], forever)
    expect(one.counts()).toEqual(['a:3', 'b:2'])
  })

  test('is copied also where nothing comes behind its barrier', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'))], forever)
    await one.process().handle(barriers(one, 1, true), forever)
    expect(one.reports().map(({ type }) => type)).toEqual(['acknowledge'])
  })

  test('that the platform denies is declined, and the job goes on', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'))], forever)
    const denied: Faults = {
      ...NO_FAULTS,
      before: ({ port, name }) =>
        port === 'blobs' && name === 'put'
          ? Promise.reject(new PlatformFault('AccessDenied: s3:PutObject', { passes: false }))
          : Promise.resolve(),
    }
    await one.process(denied).handle([...barriers(one, 1, true), one.elements(0, records('a'))], forever)
    expect(one.reports().filter(({ type }) => type !== 'active')).toEqual([
      {
        type: 'decline',
        checkpointId: 1,
        reason: 'task-error',
        message: 'task:count#0: its rows cannot be copied: AccessDenied: s3:PutObject',
      },
    ])
    expect(one.counts()).toEqual(['a:1', 'a:2'])
    const aborted = one.order({ type: 'aborted', checkpointId: 1, reason: 'task-error' })
    await one.process().handle([aborted, ...barriers(one, 2, true)], forever)
    expect(one.reports().map(({ type }) => type)).toEqual(['acknowledge'])
  })

  test('whose copy meets a defect fails the job once, and rows are brought up to the last checkpoint all the same', async () => {
    const one = await started()
    await one.process().handle([one.elements(0, records('a'))], forever)
    const position = await checkpointed(one, 1)
    const broken: Faults = {
      ...NO_FAULTS,
      before: ({ port, name }) =>
        port === 'blobs' && name !== 'get' ? Promise.reject(new Error('no such bucket')) : Promise.resolve(),
    }
    await one.process(broken).handle(barriers(one, 2, true), forever)
    expect(one.reports().map(({ type }) => type)).toEqual(['failed'])
    await one.process(broken).handle([one.nudge()], forever)
    expect(one.reports()).toEqual([])
    await one.process(broken).handle([one.order({ type: 'materialize', position })], forever)
    expect(one.reports()).toEqual([{ type: 'materialized', position }])
  })
})
