import assert from 'node:assert/strict'
import * as fc from '../../../fast-check.ts'
import { describe, expect, it } from 'vitest'
import type { CoordinatorImage } from '../../../../lib/serverless/coordinator/image.ts'
import type { View } from '../../../../lib/serverless/actor/behaviour.ts'
import { PlayedJob } from './played-job.ts'

const STORIES = 80
const PARALLELISM = [1, 2, 3] as const

interface Draw {
  readonly pick: number
  readonly which: number
  readonly more: number
}

const draw: fc.Arbitrary<Draw> = fc.record({
  pick: fc.nat(999),
  which: fc.nat(99),
  more: fc.nat(9),
})

const code = fc.record({
  parallelism: fc.constantFrom(...PARALLELISM),
  numRetained: fc.constantFrom(1, 1, 2),
  maxConcurrent: fc.constantFrom(1, 2),
  retentionOnCancel: fc.constantFrom('delete' as const, 'retain' as const),
})

type Code = typeof code extends fc.Arbitrary<infer T> ? T : never

const deployed = ({ parallelism, numRetained, maxConcurrent, retentionOnCancel }: Code) => ({
  parallelism,
  options: { checkpointing: { numRetained, maxConcurrent, retentionOnCancel } },
})

/** A job whose coordinator crashes, is superseded and repeated, whose tasks fail, and who is asked for things. */
class Story {
  readonly job: PlayedJob
  readonly #code: Code
  readonly #asked: string[] = []
  /** What invocations that lost their turn go on with, late. */
  readonly #zombies: View<CoordinatorImage>[] = []

  constructor(first: Code) {
    this.#code = first
    this.job = new PlayedJob(deployed(first))
    this.job.request({ type: 'tick' })
  }

  async play({ pick, which, more }: Draw): Promise<void> {
    const { job } = this
    const task = job.running[which % job.running.length]!
    const ordered = job.running.find(({ orders }) => orders.length > 0) ?? task
    const behind = job.running.find(({ barriers }) => barriers.length > 0) ?? task
    if (pick < 200) await this.#turn(more)
    else if (pick < 240) await job.turn({ dies: true, atMost: more })
    else if (pick < 270) await this.#zombie()
    else if (pick < 290) await job.settle()
    else if (pick < 480) await job.obey(more < 5 ? ordered : task)
    else if (pick < 620) await job.acknowledge(more < 5 ? behind : task)
    else if (pick < 720) job.report(task, task.work(more))
    else if (pick < 740) job.report(task, task.ready())
    else if (pick < 870) {
      job.clock.advance([500, 1_000, 5_000, 10_000, 70_000][which % 5]!)
      job.inbox.push({ type: 'nudge' })
    } else if (pick < 885) job.report(task, task.fail('boom'))
    else if (pick < 888) task.isLost = !task.isLost
    else if (pick < 892) job.report(task, [{ type: 'failed', cause: { message: 'late' } }], task.attempt - 1)
    else if (pick < 900) job.request({ type: more < 7 ? 'tick' : 'visit' })
    else if (pick < 908) this.#again()
    else await this.#ask(pick, which, more)
  }

  async #ask(pick: number, which: number, more: number): Promise<void> {
    const { job } = this
    if (job.image.run === undefined) return
    if (pick < 930)
      this.#asked.push(
        job.ask({ type: 'trigger-savepoint', target: more < 2 ? `mine/${this.#asked.length}` : undefined }),
      )
    else if (pick < 940) this.#asked.push(job.ask({ type: 'trigger-checkpoint' }))
    else if (pick < 944)
      this.#asked.push(job.ask({ type: 'stop', target: undefined, drain: which % 2 === 0 }))
    else if (pick < 954) this.#asked.push(job.ask({ type: 'cancel' }))
    else if (pick < 960) this.#asked.push(job.ask({ type: 'suspend' }))
    else if (pick < 964)
      this.#asked.push(job.ask({ type: 'dead-letter', actor: 'task:count#0', reason: 'too often' }))
    else if (pick < 985 && job.isOver) this.#redeploy(which, more)
    else if (pick < 990) this.#asked.push(job.start(more === 0 ? undefined : 'latest'))
    else {
      const known =
        job.image.former[0]?.retained[0]?.location ?? job.image.coordinator.lastSavepoint?.location
      if (known !== undefined) this.#asked.push(job.start(known))
    }
  }

  #redeploy(which: number, more: number): void {
    this.job.deploy(deployed({ ...this.#code, parallelism: PARALLELISM[which % 3]! }))
    this.#asked.push(this.job.start(more === 0 ? undefined : 'latest'))
  }

  /** A message that came twice. */
  #again(): void {
    const request = this.job.inbox.find(({ type }) => type === 'request')
    if (request !== undefined) this.job.inbox.push(request)
  }

  async #turn(more: number): Promise<void> {
    this.#zombies.push(this.job.view())
    if (this.#zombies.length > 3) this.#zombies.shift()
    await this.job.turn({ atMost: more, remainingMs: more === 1 ? 0 : 10_000 })
  }

  async #zombie(): Promise<void> {
    const view = this.#zombies.shift()
    if (view !== undefined) await this.job.step(view, [])
  }

  /** From here on nothing fails. */
  async quietDown(): Promise<void> {
    const { job } = this
    for (const task of job.tasks.values()) task.isLost = false
    await job.settle()
    for (let round = 0; round < 40 && !this.#isAtRest; round++) await job.after(10_000)
  }

  get #isAtRest(): boolean {
    const { job } = this
    const { idle, pending } = job.image.coordinator
    return job.isOver || (job.status === 'RUNNING' && idle && pending.length === 0)
  }

  check(): void {
    const { job } = this
    assert.ok(this.#isAtRest, `${job.status} comes to rest`)
    const answered = job.image.answers.map(({ requestId }) => requestId)
    assert.equal(new Set(answered).size, answered.length, 'each request is answered once')
    for (const id of this.#asked.slice(-100)) {
      const last = job.image.answers
      if (last.length < 100) assert.ok(job.answer(id) !== undefined, `${id} is answered`)
    }
  }
}

const stories = fc.tuple(code, fc.array(draw, { minLength: 20, maxLength: 400, size: 'max' }))

async function counterexample(
  numRuns: number,
  holds: (story: Story) => Promise<void>,
): Promise<string | undefined> {
  const property = fc.asyncProperty(stories, async ([first, draws]) => {
    const story = new Story(first)
    for (const one of draws) await story.play(one)
    await holds(story)
  })
  return fc.asyncDefaultReportMessage(await fc.check(property, { numRuns }))
}

describe('whatever fails, comes late or comes twice', () => {
  it(
    'what an attempt begins from is what the checkpoint had (recovery), and the job comes to rest (liveness)',
    { timeout: 120_000 },
    async () => {
      const found = await counterexample(STORIES, async (story) => {
        await story.quietDown()
        story.check()
      })
      expect(found).toBeUndefined()
    },
  )
})
