import { describe, expect, it } from 'vitest'
import { checkCompatibility, planRestore } from '../../../lib/checkpoint/restore-plan.ts'
import type { ChainedOperator, JobPlan, JobVertex } from '../../../lib/graph/plan.ts'
import { asOperatorUid, taskId } from '../../../lib/model/ids.ts'
import { redistributeOperatorState } from '../../../lib/state/operator-state.ts'
import type { OperatorSpec } from '../../../lib/stream/operator-spec.ts'
import { mapState, valueState, type StateSpec } from '../../../lib/stream/state.ts'
import { handle, recordOf, text } from './record-fixtures.ts'

const PASS: OperatorSpec = { type: 'map', fn: (value: unknown) => value }

function keyed(state: StateSpec): OperatorSpec {
  return { type: 'keyed-process', fn: { state, processElement: () => {} } }
}

function vertex(
  uid: string,
  parallelism: number,
  spec: OperatorSpec,
  changes: Partial<JobVertex> = {},
): JobVertex {
  const operator: ChainedOperator = {
    uid: asOperatorUid(uid),
    name: uid,
    spec,
    keySelector: undefined,
    parent: undefined,
    parentTagId: undefined,
  }
  return {
    id: uid,
    index: 0,
    name: uid,
    parallelism,
    maxParallelism: 128,
    resources: undefined,
    operators: [operator],
    inputEdges: [],
    outputEdges: [],
    ...changes,
  }
}

function planOf(...vertices: readonly JobVertex[]): JobPlan {
  return { jobName: 'jumps', vertices, edges: [], fingerprint: 'g', unconsumedDeadLetters: [] }
}

const JUMP = keyed({ last: valueState<number>() })
const segments = [handle('a', 0, 63), handle('b', 64, 127), handle('c', 0, 31)]
const record = recordOf(3, segments)
const strict = { allowNonRestoredState: false, redistribute: redistributeOperatorState }
const lenient = { ...strict, allowNonRestoredState: true }

describe('restoring', () => {
  it('leaves keyed state that is dropped behind, so that later checkpoints do not hold it', () => {
    const { tasks } = planRestore(
      record,
      planOf(vertex('readings', 1, PASS), vertex('jump', 1, PASS)),
      lenient,
    )
    expect(tasks.get(taskId('jump', 0))!.operators.get('jump')!.segments).toEqual([])
  })

  it.each([1, 2, 3, 4, 128])(
    'at parallelism %i gives every task the segments of its key groups',
    (parallelism) => {
      const { tasks } = planRestore(
        record,
        planOf(vertex('readings', 1, PASS), vertex('jump', parallelism, JUMP)),
        strict,
      )
      const blobsOf = (subtask: number) =>
        tasks
          .get(taskId('jump', subtask))!
          .operators.get('jump')!
          .segments.map(({ blob }) => blob)
      for (let subtask = 0; subtask < parallelism; subtask++) {
        const first = Math.ceil((subtask * 128) / parallelism)
        const last = Math.ceil(((subtask + 1) * 128) / parallelism) - 1
        const expected = segments.filter(
          ({ keyGroups }) => keyGroups.first <= last && keyGroups.last >= first,
        )
        expect(blobsOf(subtask)).toEqual(expected.map(({ blob }) => blob))
      }
    },
  )

  it('deals operator state to the new subtasks', () => {
    const { tasks } = planRestore(
      record,
      planOf(vertex('readings', 2, PASS), vertex('jump', 1, JUMP)),
      strict,
    )
    const items = [0, 1].map(
      (subtask) => tasks.get(taskId('readings', subtask))!.operators.get('readings')!.operatorState,
    )
    expect(items.map((own) => own['splits']!.items)).toEqual([[text('0')], [text('1')]])
  })

  it('takes the lowest watermark of the old subtasks, and knows a chain as finished only if all of it was', () => {
    const { tasks } = planRestore(
      record,
      planOf(vertex('readings', 1, PASS), vertex('jump', 4, JUMP)),
      strict,
    )
    expect(tasks.get(taskId('readings', 0))).toMatchObject({ watermarkMs: 7, finished: false })
    expect(tasks.get(taskId('jump', 3))).toMatchObject({ watermarkMs: -Infinity, finished: false })
  })

  it('leaves operators that are new to begin with nothing', () => {
    const { tasks } = planRestore(
      record,
      planOf(vertex('readings', 1, PASS), vertex('jump', 1, JUMP), vertex('new', 2, JUMP)),
      strict,
    )
    expect(tasks.get(taskId('new', 1))).toEqual({
      watermarkMs: -Infinity,
      finished: false,
      operators: new Map(),
    })
  })

  it('finds operators that moved to another chain by their uid', () => {
    const jump = vertex('jump', 1, JUMP).operators[0]!
    const chain = vertex('readings', 1, PASS)
    const { tasks } = planRestore(record, planOf({ ...chain, operators: [...chain.operators, jump] }), strict)
    expect([...tasks.get(taskId('readings', 0))!.operators.keys()]).toEqual(['readings', 'jump'])
  })
})

describe('what does not fit', () => {
  const both = (spec: OperatorSpec, changes: Partial<JobVertex> = {}) =>
    planOf(vertex('readings', 1, PASS), vertex('jump', 1, spec, changes))

  it('is state that no operator claims: all of it is named, with the flag that lets it go', () => {
    const [problem, ...more] = checkCompatibility(record, planOf(vertex('renamed', 1, JUMP)), strict)
    expect(more).toEqual([])
    expect(problem).toContain("operator 'readings' (readings), operator 'jump' (jump)")
    expect(problem).toContain('--allow-non-restored-state')
    const { unknownState } = planRestore(record, planOf(vertex('renamed', 1, JUMP)), lenient)
    expect(unknownState).toBe('drop')
  })

  it('is not an operator without state', () => {
    const stateless = { ...record.operators[0]!, operatorState: [{}] }
    const plan = planOf(vertex('jump', 1, JUMP))
    expect(
      checkCompatibility({ ...record, operators: [stateless, record.operators[1]!] }, plan, strict),
    ).toEqual([])
  })

  it.each([
    [
      'a state that is declared no more',
      keyed({ other: valueState<number>() }),
      "state 'last' of operator 'jump'",
    ],
    ['keyed state of an operator that is not keyed any more', PASS, "the keyed state of operator 'jump'"],
  ])('is %s', (_, spec, message) => {
    expect(checkCompatibility(record, both(spec), strict).join()).toContain(message)
    expect(checkCompatibility(record, both(spec), lenient)).toEqual([])
  })

  it('is a state of another kind, allowed or not', () => {
    const plan = both(keyed({ last: mapState<string, number>() }))
    for (const options of [strict, lenient]) {
      expect(() => planRestore(record, plan, options)).toThrow(
        "operator 'jump', state 'last': expected value state, as it was written, got map. Declare the new one under another name",
      )
    }
  })

  it('is another maximum parallelism, where there is keyed state', () => {
    expect(checkCompatibility(record, both(JUMP, { maxParallelism: 64 }), lenient)).toEqual([
      "operator 'jump': expected maximum parallelism 128, as when its keyed state was written, got 64. " +
        'It cannot change; set maxParallelism back',
    ])
    const plan = planOf(vertex('readings', 1, PASS, { maxParallelism: 64 }), vertex('jump', 1, JUMP))
    expect(checkCompatibility(record, plan, strict)).toEqual([])
  })

  it('is told all at once', () => {
    const plan = planOf(
      vertex('jump', 1, keyed({ last: mapState<string, number>() }), { maxParallelism: 64 }),
    )
    expect(checkCompatibility(record, plan, strict)).toHaveLength(3)
  })
})

describe('a record of tasks that have logs', () => {
  const logs = { [taskId('jump', 0)]: { attempt: 1, position: 3 } }

  it('holds the keyed state that operators declared, though there are no segments', () => {
    const [problem] = checkCompatibility(
      recordOf(3, [], { logs }),
      planOf(vertex('readings', 1, PASS), vertex('leap', 2, JUMP)),
      strict,
    )
    expect(problem).toContain("operator 'jump' (jump)")
  })
})
