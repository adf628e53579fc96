import { expect, test } from 'vitest'
import type { SegmentHandle } from '../../../lib/checkpoint/checkpoint-record.ts'
import { SegmentLedger, type LedgerParts } from '../../../lib/embedded/segment-ledger.ts'
import { SegmentRegistry } from '../../../lib/embedded/segment-registry.ts'
import type { KeyGroup } from '../../../lib/model/ids.ts'
import { heapBackends } from '../../../lib/state/heap-backend.ts'
import type { KeyedDelta } from '../../../lib/state/keyed-backend.ts'
import { valueState, type ValueState } from '../../../lib/index.ts'

const GROUPS = { first: 0 as KeyGroup, last: 3 as KeyGroup }
const OPTIONS = { operatorUid: 'op', spec: { v: valueState<string>() }, maxParallelism: 4, keyGroups: GROUPS }

/** State that changes a little for each checkpoint. */
function deltas(count: number): KeyedDelta[] {
  const backend = heapBackends.create(OPTIONS)
  const state = backend.handles['v'] as ValueState<string>
  return Array.from({ length: count }, (_, i) => {
    backend.setCurrentKey(i % 3)
    state.update(`${i}`)
    return backend.snapshot()!
  })
}

function valuesIn(segments: readonly Uint8Array[]): string[] {
  const backend = heapBackends.create(OPTIONS)
  backend.restore(
    segments.map((bytes, index) => ({ name: String(index), bytes })),
    'refuse',
  )
  return [0, 1, 2].map((key) => {
    backend.setCurrentKey(key)
    return (backend.handles['v'] as ValueState<string>).value()!
  })
}

interface Store {
  readonly blobs: Map<string, Uint8Array>
  readonly registry: SegmentRegistry
  readonly parts: LedgerParts
  isFull: boolean
}

function store(): Store {
  const blobs = new Map<string, Uint8Array>()
  const registry = new SegmentRegistry()
  const made: Store = {
    blobs,
    registry,
    isFull: false,
    parts: {
      now: () => 0,
      onWarning: (cause) => {
        throw cause
      },
      put: async (delta, checkpointId): Promise<SegmentHandle> => {
        await Promise.resolve()
        if (made.isFull) throw new Error('disk full')
        const blob = `${checkpointId}-${blobs.size}`
        blobs.set(blob, delta.segment)
        const { rows, keyGroups } = delta
        return { blob, offsetBytes: 0, lengthBytes: delta.segment.length, sha256: '', rows, keyGroups }
      },
      read: (handle) => Promise.resolve({ name: handle.blob, bytes: blobs.get(handle.blob)! }),
      onWritten: (handle) => registry.written(handle),
      onReferred: (checkpointId, segments) => registry.referred(checkpointId, segments),
    },
  }
  return made
}

test('what cannot be written waits, in a bounded number of pieces, and nothing of it is lost (invariant 11)', async () => {
  const disk = store()
  const ledger = new SegmentLedger([], disk.parts)
  const all = deltas(103)
  const last = all.pop()!
  disk.isFull = true
  for (const [index, delta] of all.entries()) {
    await expect(ledger.add(delta, index + 1)).rejects.toThrow('disk full')
  }
  disk.isFull = false
  const { segments } = await ledger.add(last, 103)
  expect(segments.length).toBeLessThanOrEqual(10)
  expect(valuesIn(segments.map(({ blob }) => disk.blobs.get(blob)!))).toEqual(['102', '100', '101'])
  await ledger.close()
})

test('at every moment, what a checkpoint under way refers to is needed, whatever is merged meanwhile', async () => {
  const disk = store()
  const ledger = new SegmentLedger([], disk.parts)
  const referred: SegmentHandle[][] = []
  const removeUnused = (): void => {
    for (const blob of disk.registry.takeUnused(ledger.segments)) disk.blobs.delete(blob)
  }
  for (const [index, delta] of deltas(60).entries()) {
    const added = ledger.add(delta, index + 1)
    // Somebody removes what is not needed whenever it can.
    for (let turn = 0; turn < 20; turn++) {
      removeUnused()
      await Promise.resolve()
    }
    referred.push([...(await added).segments])
    await new Promise(setImmediate)
    removeUnused()
  }
  await ledger.close()
  removeUnused()
  // Nothing completed: all are under way.
  for (const segments of referred) for (const { blob } of segments) expect(disk.blobs.has(blob)).toBe(true)
  disk.registry.ended()
  removeUnused()
  expect([...disk.blobs.keys()].toSorted()).toEqual(ledger.segments.map(({ blob }) => blob).toSorted())
})
