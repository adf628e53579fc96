import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import type { JobEdge } from '../../../lib/graph/plan.ts'
import type { Element } from '../../../lib/model/elements.ts'
import { OperatorFault } from '../../../lib/model/faults.ts'
import { asCheckpointId, asOperatorUid } from '../../../lib/model/ids.ts'
import { subtaskOfKeyGroup } from '../../../lib/model/key-groups.ts'
import { keyGroupOf } from '../../../lib/model/key-hash.ts'
import { LIMITS } from '../../../lib/model/limits.ts'
import { RecordWriter } from '../../../lib/task/record-writer.ts'

function writer(
  partitioning: JobEdge['partitioning'],
  { channels = 3, subtaskIndex = 0, keySelector = (value: string): string => value } = {},
) {
  const sent: { target: number; element: Element }[] = []
  const edge: JobEdge = {
    index: 7,
    sourceVertex: 0,
    sourceOperator: 0,
    tagId: undefined,
    targetVertex: 1,
    targetUid: asOperatorUid('down'),
    inputIndex: 0,
    partitioning,
    keySelector: partitioning === 'hash' ? keySelector : undefined,
  }
  const made = new RecordWriter(
    edge,
    {
      operatorUid: 'up',
      operatorName: 'Up',
      subtaskIndex,
      targetParallelism: channels,
      targetMaxParallelism: 128,
    },
    (edgeIndex, target, element) => {
      expect(edgeIndex).toBe(7)
      sent.push({ target, element })
    },
  )
  /** The records that went to each channel, in order. */
  const valuesAt = (target: number) =>
    sent.flatMap((one) => (one.target === target && one.element.kind === 'records' ? one.element.values : []))
  return { writer: made, sent, valuesAt }
}

describe('RecordWriter', () => {
  test('hash: a record goes to the owner of its key group, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.integer({ min: 2, max: 9 }), (values, channels) => {
        const { writer: hash, valuesAt } = writer('hash', { channels })
        for (const value of values) hash.record(value, 0)
        hash.flush()
        for (let channel = 0; channel < channels; channel++) {
          const expected = values.filter(
            (value) => subtaskOfKeyGroup(128, channels, keyGroupOf(value, 128)) === channel,
          )
          expect(valuesAt(channel)).toEqual(expected)
        }
      }),
    )
  })

  test('hash: what the key selector throws is a fault of the operator upstream', () => {
    const { writer: hash } = writer('hash', {
      keySelector: () => {
        throw new Error('no id')
      },
    })
    expect(() => hash.record('a', 5)).toThrow(OperatorFault)
    expect(() => hash.record('a', 5)).toThrow('Up (up), subtask 0: keyBy: no id')
  })

  test('rebalance: evenly, starting at a channel of its own', () => {
    const { writer: rebalance, valuesAt } = writer('rebalance', { subtaskIndex: 4 })
    for (const value of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) rebalance.record(value, 0)
    rebalance.flush()
    expect([0, 1, 2].map(valuesAt)).toEqual([
      ['c', 'f'],
      ['a', 'd', 'g'],
      ['b', 'e'],
    ])
  })

  test('broadcast: to every channel', () => {
    const { writer: broadcast, valuesAt } = writer('broadcast')
    broadcast.record('a', 1)
    broadcast.record('b', 2)
    broadcast.flush()
    expect([0, 1, 2].map(valuesAt)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('forward: records and markers to the subtask of the same number alone', () => {
    const { writer: forward, sent } = writer('forward', { subtaskIndex: 2 })
    forward.record('a', 1)
    forward.watermark(5)
    expect(sent).toEqual([
      { target: 2, element: { kind: 'records', values: ['a'], timestamps: [1] } },
      { target: 2, element: { kind: 'watermark', timestampMs: 5 } },
    ])
  })

  test('markers go to all channels, after what was gathered', () => {
    const { writer: hash, sent, valuesAt } = writer('hash')
    hash.record('a', 1)
    hash.status(true)
    hash.record('b', 2)
    const barrier = { kind: 'barrier', checkpointId: asCheckpointId(1), triggeredAtMs: 9 } as const
    hash.toAll(barrier)
    hash.record('c', 3)
    hash.toAll({ kind: 'end' })
    for (let channel = 0; channel < 3; channel++) {
      const kinds = sent.filter(({ target }) => target === channel).map(({ element }) => element.kind)
      expect(kinds.filter((kind) => kind !== 'records')).toEqual(['status', 'barrier', 'end'])
    }
    const kindsOf = (value: string) => {
      const channel = [0, 1, 2].find((one) => valuesAt(one).includes(value))!
      const elements = sent.filter(({ target }) => target === channel).map(({ element }) => element)
      const at = elements.findIndex((one) => one.kind === 'records' && one.values.includes(value))
      return elements.slice(at + 1).flatMap(({ kind }) => (kind === 'records' ? [] : [kind]))
    }
    expect(kindsOf('a')).toEqual(['status', 'barrier', 'end'])
    expect(kindsOf('b')).toEqual(['barrier', 'end'])
    expect(kindsOf('c')).toEqual(['end'])
  })

  test('batches are cut at the limit, with their timestamps, and empty ones are not sent', () => {
    const { writer: forward, sent } = writer('forward')
    const count = LIMITS.batchRecords * 2 + 1
    for (let i = 0; i < count; i++) forward.record(i, i * 10)
    forward.flush()
    forward.flush()
    const batches = sent.map(({ element }) => element as Extract<Element, { kind: 'records' }>)
    expect(batches.map(({ values }) => values.length)).toEqual([LIMITS.batchRecords, LIMITS.batchRecords, 1])
    expect(batches.flatMap(({ values }) => values)).toEqual(Array.from({ length: count }, (_, i) => i))
    expect(batches.flatMap(({ timestamps }) => timestamps)).toEqual(
      Array.from({ length: count }, (_, i) => i * 10),
    )
  })
})
