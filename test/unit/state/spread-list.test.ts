import { expect, test } from 'vitest'
import { heapBackends } from '../../../lib/state/heap-backend.ts'
import { describeSegment } from '../../../lib/state/segment/describe-segment.ts'
import { listState, valueState, type ListState, type ValueState } from '../../../lib/stream/state.ts'
import { keyGroupRange } from '../../../lib/model/key-groups.ts'

test('items that have expired when a list becomes long leave no chunk behind', () => {
  const backend = heapBackends.create({
    operatorUid: 'op',
    spec: { l: listState<number>({ ttl: '100 ms' }), v: valueState<number>() },
    maxParallelism: 4,
    keyGroups: keyGroupRange(4, 1, 0),
  })
  const l = backend.handles['l'] as ListState<number>
  backend.setNow(0)
  backend.setCurrentKey('a')
  ;(backend.handles['v'] as ValueState<number>).update(1)
  // From here on snapshots hold what changed.
  backend.snapshot()
  l.addAll([1, 2, 3])
  backend.setNow(100)
  l.addAll(Array.from({ length: 254 }, (_, i) => i))
  const { segment } = backend.snapshot()!
  expect(describeSegment({ name: 'it', bytes: segment }).buckets).toEqual({ l: 2 })
  expect(l.get()).toHaveLength(254)
})
