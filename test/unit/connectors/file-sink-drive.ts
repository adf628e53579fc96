import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileTransaction } from '../../../lib/connectors/index.ts'
import type { SinkContext, TwoPhaseCommitSink, TwoPhaseCommitter } from '../../../lib/stream/sink.ts'
import { sinkContext } from './sink-context.ts'

export type Committer<T> = TwoPhaseCommitter<T, FileTransaction>

/** As a task begins an attempt: what the checkpoint holds is committed first. */
export async function openCommitter<T>(
  sink: TwoPhaseCommitSink<T, FileTransaction>,
  over: Partial<SinkContext> = {},
  restored: readonly FileTransaction[] = [],
): Promise<Committer<T>> {
  const committer = sink.createCommitter(sinkContext(over))
  for (const txn of restored) await committer.commit(structuredClone(txn))
  await committer.open?.()
  return committer
}

/** A transaction of `values`, pre-committed, as the checkpoint keeps it. */
export async function preCommitted<T>(
  committer: Committer<T>,
  values: readonly T[],
): Promise<FileTransaction> {
  const txn = await committer.begin()
  await committer.write(txn, values, [])
  return structuredClone(await committer.preCommit(txn))
}

/** What a reader of the directory sees: names and content, hidden files left out. */
export function visible(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => !name.startsWith('.'))
  return Object.fromEntries(
    names.toSorted().map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  )
}

/** Staged files, of all sinks. */
export function staged(directory: string): string[] {
  const names = readdirSync(join(directory, '.staging'), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => /\.(open|ready)$/.test(name)).toSorted()
}
