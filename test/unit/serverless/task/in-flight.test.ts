import { expect, test } from 'vitest'
import type { Barrier, Element } from '../../../../lib/model/elements.ts'
import { asCheckpointId } from '../../../../lib/model/ids.ts'
import { underWay } from '../../../../lib/serverless/task/in-flight.ts'

const records = (value: number): Element => ({ kind: 'records', values: [value], timestamps: [0] })
const barrier = (checkpointId: number): Barrier => ({
  kind: 'barrier',
  checkpointId: asCheckpointId(checkpointId),
  triggeredAtMs: 0,
})

test('what was under way ends at the barrier, and has nothing that a restored task tells again', () => {
  const elements: Element[] = [
    records(1),
    // Of a checkpoint that was given up: in another attempt its channel would wait for it in vain.
    barrier(3),
    { kind: 'watermark', timestampMs: 5 },
    { kind: 'status', idle: true },
    // A task whose input had ended says so again: a channel ends once.
    { kind: 'end' },
    records(2),
    barrier(4),
    records(3),
  ]
  expect(underWay(elements, 4)).toEqual([records(1), { kind: 'watermark', timestampMs: 5 }, records(2)])
})

test('without its barrier, all of it is under way', () => {
  expect(underWay([records(1), records(2)], 4)).toEqual([records(1), records(2)])
})
