import { Chance } from '../chance.ts'
import type { Item, Node, Program } from '../program.ts'
import type { Case, Life } from './case.ts'

// Changes of a case, so that a certain kind of mistake shows.

/** Checkpoints all the time, and a restart for every failure, with nobody who ends the job before. */
export function restarting(one: Case): Case {
  return {
    ...one,
    options: {
      ...one.options,
      restart: { type: 'fixed-delay', attempts: 'unlimited', delay: 0 },
      checkpointing: { ...one.options.checkpointing, interval: 5_000, minPause: 0, numRetained: 1 },
    },
    // Without what holds everything up: time is for failures of user code.
    profile: {
      ...one.profile,
      crash: 0.001,
      stall: 0.0005,
      loseDelete: 0.01,
      failEntry: 0.02,
      throttle: 0,
      loseAnswer: 0,
    },
    lives: [{ ...one.lives[0]!, ending: 'natural' }],
    requestEveryMs: undefined,
    source: { readMax: 2, waits: 0.9, waitMaxMs: 10_000 },
  }
}

/** Rows are written as soon as they may be, and read again for every turn. */
export function onRows(one: Case): Case {
  return {
    ...restarting(one),
    program: { ...one.program, memory: ['remember'], ttlMs: 600_000 },
    limits: {
      log: {},
      state: { overlayRowsMax: 0, overlayAgeMsMax: 1_000, cleanBytesMax: 0, pieceRowsMax: 1 },
      ids: {},
    },
  }
}

export function throttledOnRows(one: Case): Case {
  const { profile, ...rest } = onRows(one)
  return { ...rest, profile: { ...profile, throttle: 0.02, userFault: 0 } }
}

/**
 * Few rows, each of which changes after a rest: long enough that it is written meanwhile, and read again; so often that a write
 * that is late meets a later one. No process remembers what it read or wrote.
 */
export function onFewRows(one: Case): Case {
  const { limits, ...rest } = onRows(one)
  const placed = { parallelism: undefined, chaining: 'always' } as const
  const nodes: Node[] = [
    { ...placed, type: 'source', form: 'splits', splits: [rising(100)] },
    { ...placed, type: 'sink', input: 0, form: 'transactional' },
  ]
  return {
    ...rest,
    program: { ...rest.program, program: { ...rest.program.program, nodes, jitterMs: 0 }, fedByHttp: false },
    limits: { ...limits, state: { ...limits.state, liveBytesMax: 0 } },
    source: { readMax: 1, waits: 0.9, waitMaxMs: 20_000 },
  }
}

/** Into a table beyond the job, two records of each key, one soon after the other: what is late meets the last one, and that stays. */
export function upserting(one: Case): Case {
  const { program, ...few } = onFewRows(one)
  const placed = { parallelism: undefined, chaining: 'always' } as const
  const nodes: Node[] = [
    { ...placed, type: 'source', form: 'splits', splits: [rising(100, inPairs)] },
    { ...placed, type: 'sink', input: 0, form: 'upsert' },
  ]
  return { ...few, program: { ...program, program: { ...program.program, nodes }, memory: [] } }
}

/** Each task sends its receivers several messages a turn: one of an edge each. */
export function forked(one: Case): Case {
  const placed = { parallelism: undefined, chaining: 'always' } as const
  const nodes: Node[] = [
    { ...placed, type: 'source', form: 'splits', splits: itemsOf(one.program.program) },
    { ...placed, type: 'map', input: 0 },
    { ...placed, type: 'filter', input: 0 },
    { ...placed, type: 'union', inputs: [1, 2] },
    { ...placed, type: 'count', input: 3, size: 7 },
    { ...placed, type: 'sink', input: 4, form: 'transactional' },
  ]
  const program = { ...one.program, program: { ...one.program.program, nodes }, fedByHttp: false }
  return { ...one, program }
}

/** Requests wait behind one another, and what they are known by is soon forgotten. */
export function fedByHttp(one: Case): Case {
  const placed = { parallelism: undefined, chaining: 'always' } as const
  const nodes: Node[] = [
    { ...placed, type: 'source', form: 'function', splits: [rising(40)] },
    { ...placed, type: 'sink', input: 0, form: 'transactional' },
  ]
  const program = { ...one.program.program, nodes, jitterMs: 0 }
  return {
    ...one,
    program: { ...one.program, program, fedByHttp: true },
    limits: { ...one.limits, ids: { idsMax: 1 } },
  }
}

/**
 * Unaligned checkpoints of a job whose messages come late, so that much is under way at each; it is ended in the midst of its
 * work, and goes on from there at another parallelism.
 */
export function endedUnderWay(one: Case): Case {
  const chance = new Chance(one.seed ^ 0x1f)
  const lives = Array.from({ length: 4 }, (): Life => ({
    parallelism: chance.int(1, 3),
    ending: chance.pick(['cancel', 'suspend']),
    endsAfterMs: chance.int(10_000, 60_000),
  }))
  return {
    ...one,
    options: {
      ...one.options,
      restart: { type: 'fixed-delay', attempts: 'unlimited', delay: 0 },
      checkpointing: {
        ...one.options.checkpointing,
        interval: 3_000,
        minPause: 0,
        maxConcurrent: 1,
        unaligned: true,
        alignedTimeout: chance.pick([0, 0, 1_000]),
        numRetained: chance.pick([1, 1, 2]),
        retentionOnCancel: 'retain',
        tolerableFailures: 'unlimited',
      },
    },
    // Without what keeps the coordinator from its work: few checkpoints would complete.
    profile: {
      ...one.profile,
      crash: 0.002,
      stall: chance.pick([0, 0.002]),
      throttle: 0,
      loseAnswer: 0.003,
      repeat: 0.01,
      failEntry: chance.pick([0.05, 0.25, 0.25]),
      duplicate: 0.1,
      loseDelete: 0.05,
      redeliver: 0.1,
      slow: chance.pick([0, 0.05]),
      slowMs: 400,
      userFault: 0.002,
    },
    lives: [...lives, { parallelism: chance.int(1, 3), ending: 'natural', endsAfterMs: 0 }],
    requestEveryMs: undefined,
    source: { readMax: 3, waits: 0.8, waitMaxMs: 1_500 },
  }
}

/** Of a few keys, in order. */
function rising(count: number, keyOf = (n: number): string => `key ${n % 12}`): readonly Item[] {
  return Array.from({ length: count }, (_, n) => ({ key: keyOf(n), n, v: n, ts: 1_000 + n }))
}

/** Five keys, the same again, and never more. */
function inPairs(n: number): string {
  return `key ${Math.floor(n / 10)}-${n % 5}`
}

function itemsOf({ nodes }: Program): readonly (readonly Item[])[] {
  return nodes.flatMap((node) => (node.type === 'source' ? node.splits : []))
}
