import { expect, test } from 'vitest'
import { collect, collectSink, discard, transactionalCollect } from '../../../lib/connectors/index.ts'
import { sinkContext, writerOf } from './sink-context.ts'

test('collect and collectSink gather what every subtask writes', () => {
  const into: number[] = [0]
  void writerOf(collect(into)).write([1, 2], [])
  expect(into).toEqual([0, 1, 2])
  const sink = collectSink<number>()
  void writerOf(sink).write([1], [])
  void writerOf(sink, { subtaskIndex: 1 }).write([2], [])
  expect(sink.values).toEqual([1, 2])
})

test('discard counts', () => {
  const sink = discard<number>()
  void writerOf(sink).write([1, 2], [])
  void writerOf(sink, { subtaskIndex: 1 }).write([3], [])
  expect(sink.count).toBe(3)
})

test('transactionalCollect shows a transaction when it is committed, and once', async () => {
  const sink = transactionalCollect<number>()
  const first = sink.createCommitter(sinkContext())
  const txn = await first.begin()
  await first.write(txn, [1, 2], [])
  const kept = structuredClone(await first.preCommit(txn))
  expect(sink.values).toEqual([])
  await first.commit(kept)
  const lost = await first.begin()
  await first.write(lost, [3], [])
  await first.abort(lost)

  const restored = sink.createCommitter(sinkContext({ attempt: 2, subtaskIndex: 1 }))
  await restored.commit(structuredClone(kept))
  const next = await restored.begin()
  await restored.write(next, [3], [])
  await restored.commit(await restored.preCommit(next))
  expect(sink.values).toEqual([1, 2, 3])
})
