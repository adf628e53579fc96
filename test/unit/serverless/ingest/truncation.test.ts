import { expect, test } from 'vitest'
import { http } from '../../../../lib/connectors/index.ts'
import { ingestActor } from '../../../../lib/model/actors.ts'
import { SPLITS_STATE } from '../../../../lib/operators/split-source.ts'
import { decodeEnvelope } from '../../../../lib/serverless/actor/envelope.ts'
import { truncateIngest } from '../../../../lib/serverless/ingest/truncation.ts'
import { encodeValue } from '../../../../lib/state/codec.ts'
import type { OperatorStateSnapshot } from '../../../../lib/state/operator-state.ts'
import { IngestWorld, SOURCE } from './ingest-world.ts'

const site = { operatorUid: SOURCE, state: SPLITS_STATE }

function splits(...positions: readonly number[]): OperatorStateSnapshot {
  const items = positions.map((position, partition) => encodeValue({ partition, position, index: 3 }, site))
  return { [SPLITS_STATE]: { redistribution: 'union', items } }
}

test('each partition is told what is read, once', async () => {
  const world = await IngestWorld.of(http({ partitions: 3 }))
  const { mailbox, plan } = world.runtime
  const vertex = plan.vertices.find(({ id }) => id === SOURCE)!
  await truncateIngest(mailbox, vertex, new Map([[SOURCE, splits(12, 0, 7)]]))
  await truncateIngest(mailbox, vertex, new Map([[SOURCE, splits(12, 0, 8)]]))
  const queue = world.world.mailbox.queueFor(ingestActor(SOURCE, 0))
  const told = queue.receive().map(({ body }) => decodeEnvelope(body))
  expect(told.map((envelope) => [envelope.to, envelope.kind === 'request' && envelope.payload])).toEqual([
    [ingestActor(SOURCE, 0), { type: 'truncate', below: 13 }],
    [ingestActor(SOURCE, 2), { type: 'truncate', below: 8 }],
    [ingestActor(SOURCE, 2), { type: 'truncate', below: 9 }],
  ])
})

test('a task that has read nothing, or is of no such source, tells nobody', async () => {
  const world = await IngestWorld.of(http())
  const { mailbox, plan } = world.runtime
  for (const vertex of plan.vertices) await truncateIngest(mailbox, vertex, new Map())
  expect(world.world.mailbox.queues().every(({ size }) => size === 0)).toBe(true)
})
