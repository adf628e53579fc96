import { describe, expect, it } from 'vitest'
import { COORDINATOR, taskActor } from '../../lib/model/actors.ts'
import { taskId } from '../../lib/model/ids.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import { LOG_BODY_BYTES_MAX } from '../../lib/ports/turn-log.ts'
import type { Head, LogEntry, TurnLog } from '../../lib/ports/turn-log.ts'
import { has, notShown, opener, sameBytes, someBytes } from './harness.ts'
import type { Gaps, Harness } from './harness.ts'

export interface TurnLogHarness extends Harness {
  readonly log: TurnLog
  /** Epoch milliseconds, by the clock that entries expire by. */
  nowMs(): number
  /** Without the gap `expires`: moves the clock to then, and has vanish whatever may. */
  readonly expireAt?: (atMs: number) => Promise<void>
}

/** `expires`: entries can be made to vanish. */
export type TurnLogCapability = 'expires'

const ACTOR = taskActor(taskId('vertex', 1))
const entry = (sort: string, body: Uint8Array = new TextEncoder().encode(sort)): LogEntry => ({ sort, body })
/** In an hour: nothing that is not about expiry meets it. */
const later = (harness: TurnLogHarness): number => Math.ceil(harness.nowMs() / 1000) + 3600
const bodyOf = (text: string): Uint8Array => new TextEncoder().encode(text)

async function readAll(log: TurnLog, actor: ActorId, after?: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for (let from = after; ; from = entries.at(-1)!.sort) {
    const page = await log.read(actor, from)
    entries.push(...page.entries)
    if (!page.more) return entries
    expect(page.entries).not.toHaveLength(0)
  }
}

/** The order that a read of all pages tells of. */
async function orderRead(log: TurnLog, actor: ActorId, after?: string): Promise<Head | undefined> {
  for (let from = after; ;) {
    const { entries, more, order } = await log.read(actor, from)
    if (!more) return order
    from = entries.at(-1)!.sort
  }
}

const sortsOf = (entries: readonly LogEntry[]): string[] => entries.map(({ sort }) => sort)

/** What every turn log must do, wherever it keeps the entries. `open` gives an empty one. */
export function turnLogContract(
  name: string,
  openOne: () => Promise<TurnLogHarness>,
  gaps: Gaps<TurnLogCapability> = {},
): void {
  describe(`${name} keeps the contract of a turn log${notShown(gaps)}`, () => {
    const open = opener(openOne)
    appending(open)
    reading(open)
    heads(open)
    orders(open)
    if (gaps.expires === undefined) expiry(open)
  })
}

function appending(open: () => Promise<TurnLogHarness>): void {
  it('gives back what was appended, at once', async () => {
    const harness = await open()
    const { log } = harness
    for (const [index, length] of [0, 1, 256, LOG_BODY_BYTES_MAX].entries()) {
      const body = someBytes(length, index)
      expect(await log.append(ACTOR, entry(`L#${index}`, body), later(harness))).toBe('appended')
      const read = (await log.read(ACTOR, index === 0 ? undefined : `L#${index - 1}`)).entries
      expect(sortsOf(read)).toEqual([`L#${index}`])
      expect(sameBytes(read[0]!.body, body)).toBe(true)
    }
  })

  it('keeps what was appended, whatever becomes of the buffer', async () => {
    const harness = await open()
    const body = bodyOf('mine')
    await harness.log.append(ACTOR, entry('L#1', body), later(harness))
    body.fill(0)
    expect((await harness.log.read(ACTOR, undefined)).entries).toEqual([entry('L#1', bodyOf('mine'))])
  })

  it('tells who comes second that the place is taken, and changes nothing', async () => {
    const harness = await open()
    const { log } = harness
    await log.append(ACTOR, entry('L#1', bodyOf('first')), later(harness))
    expect(await log.append(ACTOR, entry('L#1', bodyOf('second')), later(harness))).toBe('exists')
    // The same again, as after a lost answer, is second as well.
    expect(await log.append(ACTOR, entry('L#1', bodyOf('first')), later(harness))).toBe('exists')
    expect((await log.read(ACTOR, undefined)).entries).toEqual([entry('L#1', bodyOf('first'))])
  })

  it('lets exactly one of many writers of a place win', async () => {
    const harness = await open()
    const bodies = Array.from({ length: 16 }, (_, index) => someBytes(2000, index))
    const outcomes = await Promise.all(
      bodies.map((body) => harness.log.append(ACTOR, entry('L#1', body), later(harness))),
    )
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(1)
    const kept = (await harness.log.read(ACTOR, undefined)).entries
    expect(kept).toHaveLength(1)
    expect(sameBytes(kept[0]!.body, bodies[outcomes.indexOf('appended')]!)).toBe(true)
  })

  it('keeps the logs of actors apart, however alike their names are', async () => {
    const harness = await open()
    const actors = [
      'task:a#1',
      'task:a#10',
      'task:a#1#',
      'task:a',
      'task:A#1',
      'ingest:é#1',
      'task:%23#1',
      COORDINATOR,
    ]
    for (const actor of actors as ActorId[])
      expect(await harness.log.append(actor, entry('L#1', bodyOf(actor)), later(harness))).toBe('appended')
    for (const actor of actors as ActorId[])
      expect(await readAll(harness.log, actor)).toEqual([entry('L#1', bodyOf(actor))])
  })
}

function reading(open: () => Promise<TurnLogHarness>): void {
  it('reads nothing where nothing is', async () => {
    const { log } = await open()
    expect(await log.read(ACTOR, undefined)).toEqual({ entries: [], more: false })
    expect(await log.read(ACTOR, 'L#1')).toEqual({ entries: [], more: false })
  })

  it('reads entries in the order of their names, those after a given one, which need not be there', async () => {
    const harness = await open()
    const sorts = [
      'L#00000000#000000000001',
      'L#00000000#000000000002',
      'L#00000000#000000000010',
      'L#00000000#~',
      'L#00000001#000000000003',
      'O#00000001',
      'o#00000001',
      '}~',
    ]
    for (const index of [5, 0, 7, 3, 1, 6, 4, 2])
      await harness.log.append(ACTOR, entry(sorts[index]!), later(harness))
    expect(sortsOf(await readAll(harness.log, ACTOR))).toEqual(sorts)
    for (const [index, sort] of sorts.entries())
      expect(sortsOf(await readAll(harness.log, ACTOR, sort))).toEqual(sorts.slice(index + 1))
    expect(sortsOf(await readAll(harness.log, ACTOR, 'L#00000000#000000000005'))).toEqual(sorts.slice(2))
    expect(sortsOf(await readAll(harness.log, ACTOR, 'L#00000001'))).toEqual(sorts.slice(4))
  })

  it('gives a long log in pages, of which each goes on where the last one ended', async () => {
    const harness = await open()
    const { log } = harness
    const sorts = Array.from({ length: 8 }, (_, index) => `L#${index}`)
    const bodies = sorts.map((_, index) => someBytes(LOG_BODY_BYTES_MAX, index))
    for (const [index, sort] of sorts.entries())
      await log.append(ACTOR, entry(sort, bodies[index]), later(harness))
    const first = await log.read(ACTOR, undefined)
    expect(first.more).toBe(true)
    expect(first.entries.length).toBeLessThan(8)
    const all = await readAll(log, ACTOR)
    expect(sortsOf(all)).toEqual(sorts)
    expect(all.every(({ body }, index) => sameBytes(body, bodies[index]!))).toBe(true)
  })

  it('reads all of many small entries', async () => {
    const harness = await open()
    const sorts = Array.from({ length: 120 }, (_, index) => `L#${String(index).padStart(12, '0')}`)
    await Promise.all(sorts.map((sort) => harness.log.append(ACTOR, entry(sort), later(harness))))
    expect(sortsOf(await readAll(harness.log, ACTOR))).toEqual(sorts)
  })
}

function heads(open: () => Promise<TurnLogHarness>): void {
  it('has no head at first, and then the one that was put', async () => {
    const { log } = await open()
    expect(await log.head(ACTOR)).toBeUndefined()
    const head = { version: 'L#00000001#000000000009', body: someBytes(LOG_BODY_BYTES_MAX, 1) }
    expect(await log.putHead(ACTOR, head)).toEqual({ type: 'stored', replaced: undefined })
    const read = (await log.head(ACTOR))!
    expect(read.version).toBe(head.version)
    expect(sameBytes(read.body, head.body)).toBe(true)
  })

  it('is no entry of the log', async () => {
    const harness = await open()
    await harness.log.putHead(ACTOR, { version: '1', body: bodyOf('head') })
    expect(await harness.log.read(ACTOR, undefined)).toEqual({ entries: [], more: false })
    await harness.log.append(ACTOR, entry('"'), later(harness))
    expect(sortsOf(await readAll(harness.log, ACTOR))).toEqual(['"'])
    expect(await harness.log.head(ACTOR)).toEqual({ version: '1', body: bodyOf('head') })
  })

  it('tells which head a later one replaced', async () => {
    const { log } = await open()
    await log.putHead(ACTOR, { version: '1', body: bodyOf('one') })
    const replaced = { version: '1', body: bodyOf('one') }
    expect(await log.putHead(ACTOR, { version: '10', body: bodyOf('') })).toEqual({
      type: 'stored',
      replaced,
    })
    expect(await log.head(ACTOR)).toEqual({ version: '10', body: bodyOf('') })
  })

  it('keeps its head from a stale writer, of an earlier version or the same', async () => {
    const { log } = await open()
    const head = { version: '2', body: bodyOf('two') }
    await log.putHead(ACTOR, head)
    for (const version of ['2', '1', '10', '1~'])
      expect(await log.putHead(ACTOR, { version, body: bodyOf('stale') })).toEqual({ type: 'stale' })
    expect(await log.head(ACTOR)).toEqual(head)
  })

  it('keeps the heads of actors apart', async () => {
    const { log } = await open()
    await log.putHead(ACTOR, { version: '2', body: bodyOf('task') })
    expect(await log.putHead(COORDINATOR, { version: '1', body: bodyOf('coordinator') })).toEqual({
      type: 'stored',
      replaced: undefined,
    })
    expect((await log.head(ACTOR))!.body).toEqual(bodyOf('task'))
  })

  it('ends with the latest of many heads put at once, and each that was replaced is told once', async () => {
    const { log } = await open()
    const versions = Array.from({ length: 12 }, (_, index) => String.fromCharCode(97 + ((index * 5) % 12)))
    const outcomes = await Promise.all(
      versions.map((version) => log.putHead(ACTOR, { version, body: bodyOf(version) })),
    )
    expect(await log.head(ACTOR)).toEqual({ version: 'l', body: bodyOf('l') })
    const stored = versions.filter((_, index) => outcomes[index]!.type === 'stored').toSorted()
    const replaced = outcomes.map((outcome) =>
      outcome.type === 'stored' ? outcome.replaced?.version : undefined,
    )
    expect(replaced.filter((version) => version !== undefined).toSorted()).toEqual(stored.slice(0, -1))
  })
}

function orders(open: () => Promise<TurnLogHarness>): void {
  it('tells of an order with every read, after all entries, and of none before there is one', async () => {
    const harness = await open()
    const { log } = harness
    expect((await log.read(ACTOR, undefined)).order).toBeUndefined()
    await log.append(ACTOR, entry('L#1'), later(harness))
    expect(await log.putOrder(ACTOR, { version: '1', body: bodyOf('hurry') })).toBe('stored')
    await log.append(ACTOR, entry('L#2'), later(harness))
    for (const after of [undefined, 'L#1', 'L#2']) {
      expect(await orderRead(log, ACTOR, after)).toEqual({ version: '1', body: bodyOf('hurry') })
    }
    expect(sortsOf(await readAll(log, ACTOR))).toEqual(['L#1', 'L#2'])
    expect((await log.read(COORDINATOR, undefined)).order).toBeUndefined()
    expect(await log.head(ACTOR)).toBeUndefined()
  })

  it('keeps its order from a stale writer, of an earlier version or the same', async () => {
    const { log } = await open()
    await log.putOrder(ACTOR, { version: '2', body: bodyOf('two') })
    for (const version of ['2', '1'])
      expect(await log.putOrder(ACTOR, { version, body: bodyOf('stale') })).toBe('stale')
    expect(await log.putOrder(ACTOR, { version: '3', body: bodyOf('three') })).toBe('stored')
    expect((await log.read(ACTOR, undefined)).order).toEqual({ version: '3', body: bodyOf('three') })
  })
}

function expiry(open: () => Promise<TurnLogHarness>): void {
  it('keeps an entry until it has expired; then it may vanish, and its place is free', async () => {
    const harness = await open()
    const { log } = harness
    const expireAt = has(harness.expireAt, 'expires')
    const atSec = Math.ceil(harness.nowMs() / 1000) + 60
    await log.append(ACTOR, entry('L#1', bodyOf('old')), atSec)
    await log.append(ACTOR, entry('L#2'), atSec + 60)
    await log.putHead(ACTOR, { version: '1', body: bodyOf('head') })
    await expireAt(atSec * 1000 - 1)
    expect(sortsOf(await readAll(log, ACTOR))).toEqual(['L#1', 'L#2'])
    await expireAt((atSec + 1) * 1000)
    expect(sortsOf(await readAll(log, ACTOR))).toEqual(['L#2'])
    expect(await log.append(ACTOR, entry('L#1', bodyOf('new')), atSec + 600)).toBe('appended')
    await expireAt((atSec + 120) * 1000)
    expect(await readAll(log, ACTOR)).toEqual([entry('L#1', bodyOf('new'))])
    expect(await log.head(ACTOR)).toEqual({ version: '1', body: bodyOf('head') })
  })
}
