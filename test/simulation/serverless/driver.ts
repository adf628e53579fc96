import type { ActorId } from '../../../lib/model/ids.ts'
import { COORDINATOR } from '../../../lib/model/actors.ts'
import type { JobStatusRecord } from '../../../lib/serverless/coordinator/job-status-record.ts'
import type { JobRequest } from '../../../lib/serverless/protocol.ts'
import type { Chance } from '../chance.ts'
import type { Case, Life } from './case.ts'
import type { Cloud } from './cloud.ts'
import type { Trace } from './process.ts'
import type { Scheduler } from './scheduler.ts'

/** Where the coordinator's public record is. */
const STATUS = 'status' as ActorId
const LOOK_EVERY_MS = 500
/** A job that did nothing for so long has done all. */
const IDLE_MS = 90_000
/** More than any case needs, and so few that a job that never ends is soon told from one that does. */
const LIVES_MAX = 40

export interface DriverParts {
  readonly of: Case
  readonly cloud: Cloud
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly trace: Trace
  readonly problems: string[]
  /** Whether all that the job is to get has come in: asked where it does not end by itself. */
  readonly isFed: () => boolean
  /** Replaces the code of every function. */
  readonly deploy: (parallelism: number) => void
}

type Phase =
  | { readonly type: 'starting'; readonly requestId: string; readonly attempt: StartAttempt }
  | { readonly type: 'running' }
  | { readonly type: 'done' }

/** How a life is begun; where it is refused, the next best is tried. */
interface StartAttempt {
  readonly from: string | undefined
  readonly parallelism: number
}

/**
 * The job's user: starts it, ends it, starts it again from where it was, at another parallelism; and asks for checkpoints
 * and savepoints in between. He knows what the job shows, and no more.
 */
export class Driver {
  readonly #parts: DriverParts
  readonly #lives: Life[]
  #life: Life
  #livesBegun = 0
  #phase: Phase = { type: 'running' }
  #requests = 0
  #endRequestId: string | undefined
  #parallelism: number
  #rescaled = false
  #seen: { readonly version: string; readonly record: JobStatusRecord } | undefined
  #idleSinceMs = 0

  constructor(parts: DriverParts) {
    this.#parts = parts
    const [first, ...others] = parts.of.lives
    this.#life = first!
    this.#lives = others
    this.#parallelism = this.#life.parallelism
    this.#begin(this.#life, undefined)
    this.#lookAgain()
    this.#askNow()
  }

  get isDone(): boolean {
    return this.#phase.type === 'done'
  }

  get lives(): number {
    return this.#livesBegun
  }

  /** Whether the job was ever started at another parallelism than before. */
  get rescaled(): boolean {
    return this.#rescaled
  }

  /** What the job shows now. */
  get status(): JobStatusRecord | undefined {
    const head = this.#parts.cloud.world.log.head(STATUS)
    if (head !== undefined && head.version !== this.#seen?.version) {
      const record = JSON.parse(new TextDecoder().decode(head.body)) as JobStatusRecord
      this.#seen = { version: head.version, record }
    }
    return this.#seen?.record
  }

  #begin(life: Life, from: string | undefined): void {
    this.#life = life
    this.#livesBegun++
    this.#endRequestId = undefined
    this.#idleSinceMs = this.#parts.scheduler.nowMs
    this.#start({ from, parallelism: life.parallelism })
    if (life.ending === 'natural') return
    const begun = this.#livesBegun
    this.#parts.scheduler.after(life.endsAfterMs, () => {
      if (this.#livesBegun === begun && !this.isDone) this.#end()
    })
  }

  #start(attempt: StartAttempt): void {
    const { trace, deploy } = this.#parts
    trace(() => `user: starts the job from ${attempt.from} at parallelism ${attempt.parallelism}`)
    deploy(attempt.parallelism)
    const requestId = this.#request({ type: 'start', from: attempt.from, allowNonRestoredState: false })
    this.#phase = { type: 'starting', requestId, attempt }
  }

  #end(): void {
    const { ending } = this.#life
    if (ending === 'natural') return
    this.#parts.trace(() => `user: ${ending}`)
    this.#endRequestId = this.#request(
      ending === 'stop' ? { type: 'stop', target: undefined, drain: false } : { type: ending },
    )
  }

  #request(request: DistributiveOmit<Extract<JobRequest, { requestId: string }>, 'requestId'>): string {
    const requestId = `request-${++this.#requests}`
    this.#parts.cloud.request(COORDINATOR, { ...request, requestId })
    return requestId
  }

  #lookAgain(): void {
    this.#parts.scheduler.after(LOOK_EVERY_MS, () => {
      this.#look()
      if (!this.isDone) this.#lookAgain()
    })
  }

  #look(): void {
    const { status } = this
    if (status === undefined) return
    if (this.#phase.type === 'starting') {
      const answer = status.answers[this.#phase.requestId]
      if (answer === undefined) return
      const { attempt } = this.#phase
      if (answer.type === 'refused') return this.#startOtherwise(attempt, answer.message)
      if (attempt.parallelism !== this.#parallelism) this.#rescaled = true
      this.#parallelism = attempt.parallelism
      this.#phase = { type: 'running' }
      return
    }
    if (this.#phase.type === 'running') this.#followUp(status)
  }

  #followUp(status: JobStatusRecord): void {
    switch (status.status) {
      case 'FINISHED': {
        const answer = this.#endRequestId === undefined ? undefined : status.answers[this.#endRequestId]
        if (this.#life.ending === 'stop' && answer?.type === 'completed') return this.#next(answer.location)
        this.#phase = { type: 'done' }
        return
      }
      case 'CANCELED':
      case 'SUSPENDED':
      case 'FAILED':
        return this.#next('latest')
      default:
        this.#endIdle(status)
    }
  }

  /** Nothing will come any more, and all that came is dealt with: then its user ends a job that would go on for ever. */
  #endIdle(status: JobStatusRecord): void {
    const { of, isFed, scheduler, cloud, trace } = this.#parts
    const answer = this.#endRequestId === undefined ? undefined : status.answers[this.#endRequestId]
    if (answer?.type === 'failed' || answer?.type === 'refused') {
      trace(() => `user: is told that it did not end: ${answer.message}`)
      this.#life = { ...this.#life, ending: 'natural' }
      this.#endRequestId = undefined
    }
    if (!of.program.fedByHttp || this.#life.ending !== 'natural' || this.#endRequestId !== undefined) return
    const { size } = cloud.world.mailbox.queue('ingest')
    if (!isFed() || size > 0 || !status.idle) this.#idleSinceMs = scheduler.nowMs
    if (scheduler.nowMs - this.#idleSinceMs < IDLE_MS) return
    trace(() => 'user: stops the idle job, and drains it')
    this.#endRequestId = this.#request({ type: 'stop', target: undefined, drain: true })
  }

  #next(from: string): void {
    if (this.#livesBegun === LIVES_MAX) {
      this.#parts.problems.push('liveness: the job never comes to its end')
      this.#phase = { type: 'done' }
      return
    }
    this.#begin(this.#lives.shift() ?? { ...this.#life, ending: 'natural' }, from)
  }

  /** As a user would, who reads what he is told. */
  #startOtherwise({ from, parallelism }: StartAttempt, message: string): void {
    this.#parts.trace(() => `user: is refused: ${message}`)
    if (message.includes('found none')) return this.#start({ from: undefined, parallelism })
    if (parallelism !== this.#parallelism) return this.#start({ from, parallelism: this.#parallelism })
    this.#parts.problems.push(`the job cannot be started from ${from}: ${message}`)
    this.#phase = { type: 'done' }
  }

  #askNow(): void {
    const { of, scheduler, chance } = this.#parts
    if (of.requestEveryMs === undefined) return
    scheduler.after(chance.int(1, 2 * of.requestEveryMs), () => {
      if (this.isDone) return
      if (chance.chance(0.7)) this.#request({ type: 'trigger-checkpoint' })
      else this.#request({ type: 'trigger-savepoint', target: undefined })
      this.#askNow()
    })
  }
}

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never
