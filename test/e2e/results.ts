import assert from 'node:assert/strict'

import type { WordCount } from './jobs/word-count.ts'
import type { WindowSum } from './jobs/windows.ts'
import { RESULTS_BUCKET } from './jobs/results.ts'
import { listObjects, readObject, type Emulator } from './emulator.ts'

/** Every line that a job has published so far. */
export async function publishedLines<T>(emulator: Emulator, prefix: string): Promise<readonly T[]> {
  const keys = await listObjects(emulator, RESULTS_BUCKET, prefix)
  const published = keys.filter((key) => !key.startsWith(`${prefix}.staging/`))
  const texts = await Promise.all(published.map((key) => readObject(emulator, RESULTS_BUCKET, key)))
  return texts
    .flatMap((text) => text.split('\n').filter((line) => line !== ''))
    .map((line) => JSON.parse(line) as T)
}

/** Whether each word has been counted as often as it was accepted. */
export function isCounted(counts: readonly WordCount[], accepted: ReadonlyMap<string, number>): boolean {
  const highest = new Map<string, number>()
  for (const { word, count } of counts) highest.set(word, Math.max(count, highest.get(word) ?? 0))
  return [...accepted].every(([word, times]) => (highest.get(word) ?? 0) >= times)
}

/** Each word was counted 1, 2, 3, … as often as it was accepted: no count is missing, none was published twice. */
export function assertExactCounts(counts: readonly WordCount[], accepted: ReadonlyMap<string, number>): void {
  const found = new Map<string, number[]>()
  for (const { word, count } of counts) found.set(word, [...(found.get(word) ?? []), count])
  assert.deepEqual([...found.keys()].toSorted(), [...accepted.keys()].toSorted(), 'the words counted')
  for (const [word, times] of accepted) {
    const sequence = found.get(word)!.toSorted((a, b) => a - b)
    assert.deepEqual(
      sequence,
      Array.from({ length: times }, (_, index) => index + 1),
      `the counts of ${word}`,
    )
  }
}

const windowText = ({ sensor, endMs, sum }: WindowSum): string => `${sensor} until ${endMs}: ${sum}`

export function assertSameWindows(found: readonly WindowSum[], expected: readonly WindowSum[]): void {
  assert.deepEqual(found.map(windowText).toSorted(), expected.map(windowText).toSorted())
}
