import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from '../../fast-check.ts'
import { expect, onTestFinished, test } from 'vitest'
import { fileSink, type FileTransaction } from '../../../lib/connectors/index.ts'
import { openCommitter, preCommitted, visible, type Committer } from './file-sink-drive.ts'

/** A step of a job of several sink subtasks; each subtask s writes s/0, s/1, s/2, … */
type Step =
  | { readonly type: 'write'; readonly records: number }
  | { readonly type: 'barrier' }
  | { readonly type: 'complete'; readonly commits: number; readonly shift: number }
  | { readonly type: 'crash'; readonly shift: number }
  | { readonly type: 'take-away' }

interface Checkpoint {
  readonly written: readonly number[]
  readonly pending: readonly (readonly FileTransaction[])[]
}

const SUBTASKS = 2
const INDICES = [0, 1]

/** Runs the steps as the coordinator and the tasks would, and keeps what a reader of the directory ever saw. */
class Run {
  readonly seen = new Map<string, string>()
  private readonly directory: string
  private attempt = 0
  private committers: Committer<string>[] = []
  private open: (FileTransaction | undefined)[] = []
  private written = INDICES.map(() => 0)
  private pending: FileTransaction[][] = INDICES.map(() => [])
  private checkpoint: Checkpoint = { written: this.written, pending: this.pending }
  private triggered: Checkpoint | undefined

  constructor(directory: string) {
    this.directory = directory
  }

  /** A new attempt from the last complete checkpoint; its transactions are dealt to other subtasks by `shift`. */
  async restart(shift: number): Promise<void> {
    this.attempt++
    await this.end()
    this.triggered = undefined
    this.written = [...this.checkpoint.written]
    this.open = INDICES.map(() => undefined)
    this.pending = INDICES.map(() => [])
    const sink = fileSink<string>(this.directory, { rollOverBytes: 16 })
    for (const index of INDICES) {
      const restored = this.checkpoint.pending[(index + shift) % SUBTASKS]!
      const over = { attempt: this.attempt, parallelism: SUBTASKS, subtaskIndex: index }
      this.committers[index] = await openCommitter(sink, over, restored)
    }
  }

  /** The process is gone, its files closed as they are. */
  async end(): Promise<void> {
    for (const committer of this.committers) await committer.close?.()
  }

  async step(step: Step): Promise<void> {
    if (step.type === 'write') for (const index of INDICES) await this.write(index, step.records)
    else if (step.type === 'barrier') await this.barrier()
    else if (step.type === 'complete') await this.complete(step.commits, step.shift)
    else if (step.type === 'crash') await this.restart(step.shift)
    this.look(step.type === 'take-away')
  }

  private async write(index: number, records: number): Promise<void> {
    const committer = this.committers[index]!
    for (let record = 0; record < records; record++) {
      this.open[index] ??= await committer.begin()
      await committer.write(this.open[index], [`${index}/${this.written[index]}`], [])
      this.written[index]!++
    }
  }

  private async barrier(): Promise<void> {
    for (const index of INDICES) {
      const open = this.open[index]
      if (open !== undefined) this.pending[index]!.push(await this.committers[index]!.preCommit(open))
      this.open[index] = undefined
    }
    this.triggered = structuredClone({ written: this.written, pending: this.pending })
  }

  /** The checkpoint is complete; only the first `commits` subtasks hear of it before the next attempt. */
  private async complete(commits: number, shift: number): Promise<void> {
    const { triggered } = this
    if (triggered === undefined) return
    this.checkpoint = triggered
    this.triggered = undefined
    for (const index of INDICES.slice(0, commits)) {
      const upTo = triggered.pending[index]!.length
      for (const txn of this.pending[index]!.splice(0, upTo)) await this.committers[index]!.commit(txn)
    }
    if (commits < SUBTASKS) await this.restart(shift)
  }

  /** No published file ever changes; taken away, none comes back. */
  private look(takeAway: boolean): void {
    for (const [name, content] of Object.entries(visible(this.directory))) {
      if ((this.seen.get(name) ?? content) !== content) throw new Error(`${name} changed to ${content}`)
      this.seen.set(name, content)
      if (takeAway) rmSync(join(this.directory, name))
    }
  }

  output(index: number): string {
    const own = [...this.seen].filter(([name]) => name.startsWith(`part-${index}-`))
    return own
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, content]) => content)
      .join('')
  }

  committed(index: number): string {
    return Array.from(
      { length: this.checkpoint.written[index]! },
      (_, record) => `${index}/${record}\n`,
    ).join('')
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('write'), records: fc.nat(6) }), weight: 3 },
  { arbitrary: fc.record({ type: fc.constant('barrier') }), weight: 2 },
  {
    arbitrary: fc.record({ type: fc.constant('complete'), commits: fc.nat(SUBTASKS), shift: fc.nat(1) }),
    weight: 2,
  },
  fc.record({ type: fc.constant('crash'), shift: fc.nat(1) }),
  fc.record({ type: fc.constant('take-away') }),
)

/** A transaction that another subtask is to publish, after its writer has begun anew. */
const FOUND_BY_CHANCE: Step[] = [
  { type: 'write', records: 1 },
  { type: 'barrier' },
  { type: 'complete', commits: 0, shift: 1 },
  { type: 'write', records: 1 },
  { type: 'barrier' },
  { type: 'complete', commits: 0, shift: 0 },
]

// Invariant 7, exactly-once.
test('published files in order of name are what was committed, after whatever crashes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), async (steps) => {
      const directory = mkdtempSync(join(tmpdir(), 'millrace-file-sink-'))
      try {
        const run = new Run(directory)
        await run.restart(0)
        for (const next of steps) await run.step(next)
        await run.step({ type: 'crash', shift: 1 })
        await run.end()
        for (const index of INDICES) expect(run.output(index)).toBe(run.committed(index))
      } finally {
        rmSync(directory, { recursive: true })
      }
    }),
    { numRuns: 150, examples: [[FOUND_BY_CHANCE]] },
  )
})

test('files of a hundred transactions leave nothing but themselves and a bounded memory of them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-file-sink-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const committer = await openCommitter(fileSink<number>(directory))
  for (let index = 0; index < 100; index++) await committer.commit(await preCommitted(committer, [index]))
  expect(readdirSync(join(directory, '.staging', 'job@sink'))).toHaveLength(16)
  expect(Object.values(visible(directory)).map(Number)).toEqual(
    Array.from({ length: 100 }, (_, index) => index),
  )
})
