import { describe, expect, test } from 'vitest'
import type { SinkContext, TwoPhaseCommitSink, TwoPhaseCommitter, WriterSink } from '../../../lib/index.ts'
import { PlatformFault } from '../../../lib/ports/platform-fault.ts'
import type { OperatorStateSnapshot } from '../../../lib/state/operator-state.ts'
import { testHarness } from '../../../lib/testing/index.ts'
import { TurnTask } from './turn-drive.ts'

interface Txn {
  readonly ids: readonly number[]
  readonly values: readonly string[]
}

function ledger(overrides: Partial<TwoPhaseCommitter<string, Txn>> = {}) {
  const log: string[] = []
  let begun = 0
  const sink: TwoPhaseCommitSink<string, Txn> = {
    type: 'two-phase-commit',
    kind: 'ledger',
    createCommitter() {
      let values: string[] = []
      return {
        open: () => void log.push('open'),
        begin() {
          values = []
          return { ids: [++begun], values }
        },
        write: async (_txn, more) => {
          await Promise.resolve()
          values.push(...more)
        },
        preCommit: ({ ids }) => ({ ids, values }),
        commit: ({ ids, values: committed }) =>
          void log.push(`commit ${ids.join('+')} ${committed.join('')}`),
        abort: ({ ids }) => void log.push(`abort ${ids.join('+')}`),
        close: () => void log.push('close'),
        ...overrides,
      }
    },
  }
  return { sink, log }
}

const combine = (transactions: readonly Txn[]): Txn => ({
  ids: transactions.flatMap(({ ids }) => ids),
  values: transactions.flatMap(({ values }) => values),
})

describe('a two-phase-commit sink in turns', () => {
  test('pre-commits each turn; what the turns before a barrier wrote is committed with its checkpoint, in order', async () => {
    const { sink, log } = ledger()
    const task = new TurnTask(sink)
    await task.turn(({ push }) => push('a', 'b'))
    await task.turn(({ push }) => push('c'))
    await task.turn(async ({ push, barrier }) => {
      await push('d')
      await barrier(1)
      await push('e')
    })
    await task.turn(({ push }) => push('f'))
    expect(log).toEqual(['open'])
    await task.turn(({ complete }) => complete(1))
    expect(log).toEqual(['open', 'commit 1 ab', 'commit 2 c', 'commit 3 d'])
    await task.turn(async ({ barrier, complete }) => {
      await barrier(2)
      await complete(2)
    })
    expect(log.slice(4)).toEqual(['commit 4 e', 'commit 5 f'])
    await task.turn(({ complete }) => complete(2))
    expect(log).toHaveLength(6)
  })

  test('an instance that stays goes on with its transactions as one that takes over would', async () => {
    const { sink, log } = ledger({ combine })
    const task = new TurnTask(sink)
    await task.turn(({ push }) => push('a'), 'commits and stays')
    await task.turn(({ push }) => push('b'), 'commits and stays')
    await task.turn(async ({ barrier }) => void (await barrier(1)))
    await task.turn(({ complete }) => complete(1))
    expect(log).toEqual(['open', 'commit 1+2 ab'])
  })

  test('combines what belongs to one checkpoint, if the sink can', async () => {
    const { sink, log } = ledger({ combine })
    const task = new TurnTask(sink)
    await task.turn(({ push }) => push('a'))
    await task.turn(async ({ push, barrier }) => {
      await push('b')
      await barrier(1)
      await push('c')
    })
    await task.turn(async ({ barrier }) => void (await barrier(2)))
    await task.turn(({ complete }) => complete(2))
    expect(log).toEqual(['open', 'commit 1+2 ab', 'commit 3 c'])
  })

  test('a lost turn commits nothing and is no part of the state', async () => {
    const { sink, log } = ledger()
    const task = new TurnTask(sink)
    await task.turn(({ push }) => push('a'))
    await task.turn(({ push }) => push('b'), 'lost')
    await task.turn(({ push }) => push('b', 'c'))
    await task.turn(async ({ barrier }) => void (await barrier(1)))
    await task.turn(({ complete }) => complete(1), 'lost')
    await task.turn(({ complete }) => complete(1))
    expect(log).toEqual([
      'open',
      'commit 1 a',
      'commit 3 bc',
      // The turn was lost, the commit was not.
      'commit 1 a',
      'commit 3 bc',
    ])
  })

  test.for<[string, Partial<TwoPhaseCommitter<string, Txn>>]>([
    ['one by one', {}],
    ['combined', { combine }],
  ])(
    'that commits each turn publishes nothing of a turn with a barrier before that is in the log (%s)',
    async ([, overrides]) => {
      const { sink, log } = ledger(overrides)
      const task = new TurnTask<string>({ ...sink, commits: 'each-turn' })
      await task.turn(({ push }) => push('a'))
      await task.turn(async ({ push, barrier }) => {
        await push('b')
        await barrier(1)
      }, 'lost')
      await task.turn(async ({ push, barrier }) => {
        await push('b', 'c')
        await barrier(1)
        await push('d')
      }, 'commits and stays')
      expect(log.join(' ')).not.toMatch(/commit \S+ \S*[bcd]/)
      expect(task.wantsTurn).toBe(true)
      await task.turn()
      expect(log.map((one) => one.split(' ')[2] ?? '').join('')).toBe('abcd')
      expect(task.wantsTurn).toBe(false)
    },
  )

  test("an attempt commits its checkpoint's transactions first, an instance that takes over commits nothing", async () => {
    const { sink, log } = ledger()
    const first = new TurnTask(sink)
    let restored
    await first.turn(async ({ push, barrier }) => {
      await push('a')
      restored = await barrier(1)
      await push('after the checkpoint')
    })
    const second = new TurnTask(sink, { attempt: 2, position: first.position, restored: restored! })
    log.length = 0
    await second.turn(() => Promise.resolve(), 'lost')
    await second.turn(({ push }) => push('b'))
    await second.turn()
    expect(log).toEqual(['commit 1 a', 'open', 'commit 1 a', 'open'])
  })

  test("an aborted checkpoint's transactions wait for the next one", async () => {
    const { sink, log } = ledger({ combine })
    const task = new TurnTask(sink)
    await task.turn(async ({ push, barrier }) => {
      await push('a')
      await barrier(1)
    })
    await task.turn(async ({ push, barrier, complete }) => {
      await complete(0)
      await push('b')
      await barrier(2)
    })
    await task.turn(({ complete }) => complete(2))
    expect(log).toEqual(['open', 'commit 1 a', 'commit 2 b'])
  })
})

function recording(writes?: 'at-once' | 'committed') {
  const log: string[] = []
  let fails = false
  const sink: WriterSink<string> = {
    type: 'writer',
    kind: 'log',
    ...(writes === undefined ? {} : { writes }),
    createWriter: (ctx: SinkContext) => ({
      write(values) {
        if (fails) throw new Error('boom')
        log.push(`${ctx.version()} ${ctx.batchId()} ${values.join('')}`)
      },
      flush: () => void log.push('flush'),
    }),
  }
  return { sink, log, failing: (value: boolean) => void (fails = value) }
}

const written = (log: readonly string[]): string[] => log.filter((line) => line !== 'flush')
const V = (attempt: number, position: number, part = 0): string =>
  `0000000${attempt}#00000000000${position}#000${part}`
const line = (version: string, values: string, id = version, subtask = 0): string =>
  `${version} lineage/sink/${subtask}/${id} ${values}`

describe('a writer in turns', () => {
  test('is given records at once, and flushed before each commit', async () => {
    const { sink, log } = recording()
    const task = new TurnTask(sink)
    await task.turn(async ({ push }) => {
      await push('a')
      await push('b')
    })
    await task.turn(({ push }) => push('c'))
    expect(log).toEqual([line(V(1, 1), 'a'), line(V(1, 1, 1), 'b'), 'flush', line(V(1, 2), 'c'), 'flush'])
    expect(task.wantsTurn).toBe(false)
  })

  test('that writes what is committed is given the records of a turn in the next, together, and asks for it', async () => {
    const { sink, log } = recording('committed')
    const task = new TurnTask(sink)
    await task.turn(async ({ push }) => {
      await push('a')
      await push('b')
    })
    expect(written(log)).toEqual([])
    expect(task.wantsTurn).toBe(true)
    await task.turn()
    expect(written(log)).toEqual([line(V(1, 1), 'ab')])
    expect(task.wantsTurn).toBe(false)
    await task.turn()
    expect(written(log)).toHaveLength(1)
  })

  test('whose turn is lost writes only what another turn commits, and writes it again the same', async () => {
    const { sink, log } = recording('committed')
    const task = new TurnTask(sink)
    await task.turn(({ push }) => push('lost'), 'lost')
    await task.turn(({ push }) => push('a', 'b'))
    await task.turn(({ push }) => push('lost as well'), 'lost')
    await task.turn(({ push }) => push('c'), 'commits and stays')
    await task.turn()
    expect(written(log)).toEqual([line(V(1, 1), 'ab'), line(V(1, 1), 'ab'), line(V(1, 2), 'c')])
  })

  test('that fails keeps the records for the next try', async () => {
    const { sink, log, failing } = recording('committed')
    const task = new TurnTask(sink)
    await task.turn(({ push }) => push('a'))
    failing(true)
    await expect(task.turn()).rejects.toThrow('boom')
    failing(false)
    await task.turn()
    expect(written(log)).toEqual([line(V(1, 1), 'a')])
  })

  test('has batches cut at a barrier: the checkpoint holds one as it stands, and a restart writes it under its name', async () => {
    const { sink, log } = recording('committed')
    const first = new TurnTask(sink)
    await first.turn(({ push }) => push('a'))
    let restored
    await first.turn(async ({ push, barrier }) => {
      await push('b')
      restored = await barrier(1)
      await push('c')
    })
    await first.turn()
    expect(written(log)).toEqual([line(V(1, 1), 'a'), line(V(1, 2), 'b'), line(V(1, 2, 1), 'c')])
    log.length = 0

    const second = new TurnTask(sink, { attempt: 2, position: 2, restored: restored! })
    await second.turn(({ push }) => push('d'))
    // What comes from the checkpoint is newer than all of attempt 1, and older than all that attempt 2 brings.
    expect(written(log)).toEqual([line(V(2, 0), 'b', V(1, 2))])
    await second.turn()
    expect(written(log).slice(1)).toEqual([line(V(2, 3), 'd')])
  })
})

const digits = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n % 10))

/** A task of a sink that takes its batches one record at a time, each in `ms`. */
function slow(ms: number, restored?: { attempt: number; restored: OperatorStateSnapshot }) {
  const { sink, log } = recording('committed')
  let leftMs = 0
  const task = new TurnTask<string>(
    {
      ...sink,
      batchRecordsMax: 1,
      createWriter(ctx) {
        const writer = sink.createWriter(ctx)
        return {
          write(values, timestamps) {
            leftMs -= ms
            if (values[0] === 'busy') throw new PlatformFault('busy')
            return writer.write(values, timestamps)
          },
        }
      },
    },
    restored,
  )
  task.remainingMs = () => leftMs
  const turn = (allowedMs: number, ...values: string[]): Promise<void> => {
    leftMs = allowedMs
    return task.turn(({ push }) => push(...values), 'commits and stays')
  }
  return { task, log, turn }
}

describe('a writer of committed records that is short of time', () => {
  test('is given what a turn brought in batches, of a hundred unless it says otherwise', async () => {
    const { sink, log } = recording('committed')
    const task = new TurnTask(sink)
    await task.turn(async ({ push }) => {
      await push(...digits(150))
      await push(...digits(60))
    })
    await task.turn()
    expect(written(log).map((one) => one.split(' ')[2]!.length)).toEqual([100, 100, 10])
    expect(written(log)[2]).toContain(`${V(1, 1, 2)} lineage/sink/0/${V(1, 1, 2)}`)
    const own = recording('committed')
    const pairs = new TurnTask({ ...own.sink, batchRecordsMax: 2 })
    await pairs.turn(({ push }) => push('a', 'b', 'c'))
    await pairs.turn()
    expect(written(own.log)).toEqual([line(V(1, 1), 'ab'), line(V(1, 1, 1), 'c')])
    await pairs.turn(({ push }) => push(...digits(3_000)))
    await pairs.turn()
    expect(written(own.log)).toHaveLength(2 + 1_000)
  })

  test('writes as many as there is time for, and the rest first in the next turn, before which nothing is wanted', async () => {
    const { task, log, turn } = slow(100)
    await turn(1_000, 'a', 'b', 'c', 'd', 'e')
    expect(task.recordsWanted).toBe(256)
    await turn(250, 'f')
    expect(written(log)).toHaveLength(2)
    expect(task.recordsWanted).toBe(0)
    await turn(1_000)
    expect(written(log).map((one) => one.at(-1))).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(task.recordsWanted).toBe(50)
    expect(task.wantsTurn).toBe(false)
  })

  test('writes one in each turn, whatever time there is', async () => {
    const { task, log, turn } = slow(100)
    await turn(0, 'a', 'b', 'c')
    for (let n = 1; n <= 3; n++) {
      await turn(0)
      expect(written(log)).toHaveLength(n)
    }
    expect(task.wantsTurn).toBe(false)
  })

  test('keeps what it has written when the platform fails behind it, and fails where it gets nowhere', async () => {
    const { task, log, turn } = slow(1)
    await turn(1_000, 'a', 'busy', 'b')
    await turn(1_000)
    expect(written(log)).toEqual([line(V(1, 1), 'a')])
    expect(task.recordsWanted).toBe(0)
    await expect(turn(1_000)).rejects.toThrow('busy')
    expect(written(log)).toHaveLength(1)
  })

  test('writes what a checkpoint held over several turns as well, before all else', async () => {
    const { sink } = recording('committed')
    const first = new TurnTask<string>({ ...sink, batchRecordsMax: 1 })
    let restored: OperatorStateSnapshot | undefined
    await first.turn(async ({ push, barrier }) => {
      await push('a', 'b', 'c')
      restored = await barrier(1)
    })
    const { task, log, turn } = slow(100, { attempt: 2, restored: restored! })
    await turn(150, 'd')
    expect(written(log)).toEqual([line(V(2, 0), 'a', V(1, 1))])
    await turn(1_000)
    expect(written(log).slice(1)).toEqual([
      line(V(2, 0, 1), 'b', V(1, 1, 1)),
      line(V(2, 0, 2), 'c', V(1, 1, 2)),
      line(V(2, 1), 'd'),
    ])
    expect(task.wantsTurn).toBe(false)
  })
})

describe('a writer without turns', () => {
  test('has batches ordered by attempt and count', async () => {
    const { sink, log } = recording('committed')
    const harness = await testHarness<string>((stream) => stream.sinkTo('sink', sink))
    await harness.push('a')
    await harness.push('b')
    const snapshot = await harness.barrier()
    const restored = await harness.restore(snapshot)
    await restored.push('c')
    const expected = [V(1, 1), V(1, 2), V(2, 1)].map(
      (version, index) => `${version} harness/sink/0/${version} ${'abc'[index]}`,
    )
    expect(written(log)).toEqual(expected)
  })
})
