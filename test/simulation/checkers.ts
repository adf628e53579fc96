import { canMove, type JobStatus } from '../../lib/checkpoint/job-status.ts'
import { stretchesOf, type CheckpointRecord } from '../../lib/checkpoint/checkpoint-record.ts'
import { CheckpointStorage } from '../../lib/checkpoint/checkpoint-storage.ts'
import { DiskBlobStore } from '../../lib/embedded/disk-blob-store.ts'
import type { JobEvent, JobHandle } from '../../lib/embedded/job-handle.ts'
import { sha256 } from '../../lib/node/sha256.ts'
import type { MemoryFiles } from './memory-files.ts'
import { groupBy } from './reference.ts'
import { traitsOf, type Item, type Program } from './program.ts'

// They know nothing of the workload but what it had to come to, and look at the runtime from outside.

/** Listens to a job: its status moves as it may, ids and attempts rise, and what is complete was triggered before. */
export class EventChecker {
  readonly violations: string[] = []
  #status: JobStatus = 'CREATED'
  #attempt = 0
  #lastId = 0
  /** By id: the attempt that triggered it. Removed once its fate is known. */
  readonly #open = new Map<number, number>()
  readonly #handle: JobHandle

  constructor(handle: JobHandle) {
    this.#handle = handle
    handle.onEvent((event) => this.#hear(event))
  }

  #hear(event: JobEvent): void {
    switch (event.type) {
      case 'status':
        this.#expect(event.from === this.#status, `moves from ${event.from}, but was ${this.#status}`)
        this.#expect(canMove(event.from, event.to), `moves from ${event.from} to ${event.to}`)
        this.#status = event.to
        break
      case 'deployed':
        this.#expect(event.attempt > this.#attempt, `attempt ${event.attempt} comes after ${this.#attempt}`)
        this.#attempt = event.attempt
        break
      case 'checkpoint-triggered':
        this.#expect(
          event.checkpointId > this.#lastId,
          `checkpoint ${event.checkpointId} after ${this.#lastId}`,
        )
        this.#expect(this.#status === 'RUNNING', `triggers ${event.checkpointId} in ${this.#status}`)
        this.#lastId = event.checkpointId
        this.#open.set(event.checkpointId, this.#attempt)
        break
      case 'checkpoint-completed':
        this.#expect(
          this.#open.has(event.checkpointId),
          `${event.checkpointId} is complete, but was not open`,
        )
        this.#open.delete(event.checkpointId)
        break
      case 'checkpoint-failed':
        this.#expect(this.#open.has(event.checkpointId), `${event.checkpointId} failed, but was not open`)
        this.#open.delete(event.checkpointId)
        break
      default:
    }
    this.#handle.metrics()
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) this.violations.push(`events: ${otherwise}`)
  }
}

/** Every checkpoint that is there is whole (invariant 5, completion). */
export async function checkpointProblems(files: MemoryFiles, directory: string): Promise<string[]> {
  const problems: string[] = []
  for (const { path, load } of await listed(files, directory)) {
    await load().catch((cause: unknown) => problems.push(`${path}: ${String(cause)}`))
  }
  return problems
}

/** What a job that has ended leaves: what its checkpoints need, and no more of them than it retains (invariant 11, bounds). */
export async function leftoverProblems(
  files: MemoryFiles,
  directory: string,
  { jobName, runId }: JobHandle,
  mayKeep: number,
): Promise<string[]> {
  const ofRun = `${directory}/${jobName}/${runId}/`
  const found = files.paths.filter((path) => path.startsWith(ofRun))
  const checkpoints = (await listed(files, directory)).filter(({ path }) => path.startsWith(ofRun))
  const needed = new Set<string>()
  const problems: string[] = []
  if (checkpoints.length > mayKeep)
    problems.push(`${checkpoints.length} checkpoints are kept, of at most ${mayKeep}: ${found.join(' ')}`)
  for (const { path, load } of checkpoints) {
    needed.add(path)
    try {
      const record = await load()
      for (const { blob } of stretchesOf(record)) needed.add(`${directory}/${blob}`)
    } catch (cause) {
      problems.push(`${path}: ${String(cause)}`)
    }
  }
  const surplus = found.filter((path) => !needed.has(path) && !/\/(?:ids|attempts)\/[\d-]+$/.test(path))
  if (surplus.length > 0) problems.push(`nothing needs ${surplus.join(' ')}`)
  if (mayKeep === 0 && found.length > 0) problems.push(`a finished job leaves ${found.join(' ')}`)
  return problems
}

async function listed(
  files: MemoryFiles,
  directory: string,
): Promise<{ path: string; load: () => Promise<CheckpointRecord> }[]> {
  const quiet = files.quiet
  const storage = new CheckpointStorage(await DiskBlobStore.open(directory, quiet), sha256)
  return quiet.paths
    .filter((path) => path.startsWith(`${directory}/`) && path.endsWith('/_metadata'))
    .map((path) => ({ path, load: () => storage.load(path.slice(directory.length + 1)) }))
}

export interface OutputExpectation {
  /** `once`: exactly what was expected. `at-least-once`: that, and repetitions. */
  readonly delivery: 'once' | 'at-least-once'
  /** Whether transactions stay with the subtask that made them, so that the order of a key shows. */
  readonly inOrder: boolean
  /** Whether state counts every record once. */
  readonly stateIsExact: boolean
}

/** What is wrong with the output, by sink (invariant 7, exactly-once). */
export function outputProblems(
  program: Program,
  expected: ReadonlyMap<number, readonly Item[]>,
  seen: ReadonlyMap<number, readonly Item[]>,
  { delivery, inOrder, stateIsExact }: OutputExpectation,
): string[] {
  const traits = traitsOf(program.nodes)
  return [...expected].flatMap(([sink, items]) => {
    const node = program.nodes[sink]!
    // What upserts come to is in a table.
    if (node.type !== 'sink' || node.form === 'upsert') return []
    const { ordered, stateless } = traits[sink]!
    if (!stateIsExact && !stateless) return []
    const got = seen.get(sink) ?? []
    const exact = delivery === 'once' && node.form === 'transactional'
    if (!exact) {
      const lost = missing(items, got)
      return lost.length === 0 ? [] : [`sink ${sink} misses ${lost.join(', ')}`]
    }
    const byKey = groupBy(items, ({ key }) => key)
    const gotByKey = groupBy(got, ({ key }) => key)
    const problems = [...new Set([...byKey.keys(), ...gotByKey.keys()])].flatMap((key) => {
      const a = texts(byKey.get(key) ?? [], ordered && inOrder)
      const b = texts(gotByKey.get(key) ?? [], ordered && inOrder)
      return a.join() === b.join() ? [] : [`key ${key}: expected ${a.join(' ')}, got ${b.join(' ')}`]
    })
    return problems.length === 0
      ? []
      : [`sink ${sink}: ${problems.length} keys are wrong, such as ${problems[0]}`]
  })
}

function texts(items: readonly Item[], ordered: boolean): string[] {
  const all = items.map(({ n, v, ts }) => `${n}:${v}@${ts}`)
  return ordered ? all : all.toSorted()
}

function missing(items: readonly Item[], got: readonly Item[]): string[] {
  const counts = groupBy(got.map(textOf), (one) => one)
  return items.map(textOf).filter((one) => counts.get(one)?.pop() === undefined)
}

function textOf(item: Item): string {
  return `${item.key} ${texts([item], true)[0]!}`
}
