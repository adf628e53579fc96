import { UserError } from '../model/faults.ts'
import type { Clock, ScheduledCall } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { AwsFault, classify, type AwsRequest } from './aws-fault.ts'

/** No more tries when an invocation has no more time than that: its messages are to be given back in order. */
const RETURN_RESERVE_MS = 1_500

/** What an invocation needs to end, with a failure to tell of. */
const END_RESERVE_MS = 200

/** Of the first try again; doubled for each later one. */
const BACKOFF_BASE_MS = 40
const BACKOFF_MAX_MS = 2_000

/** Where no deadline ends the tries: about 15 seconds of them. */
const TRIES_MAX = 16

export interface RetryOptions {
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds until the invocation under way ends; Infinity outside of one. */
  readonly remainingMs: () => number
}

/**
 * Makes requests of AWS: those that were throttled, failed on AWS's side or were not answered are tried again, with
 * jitter, for as long as the invocation has time. The caller must be content with a request that was carried out twice.
 */
export class Retrying {
  readonly #options: RetryOptions

  constructor(options: RetryOptions) {
    this.#options = options
  }

  /** Rejects with an {@link AwsFault}, or the UserError of `send`. */
  async run<T>(request: AwsRequest, send: () => Promise<T>): Promise<T> {
    const backoff = this.backoff(request)
    for (;;) {
      try {
        return await this.#inTime(send)
      } catch (cause) {
        if (cause instanceof UserError) throw cause
        const problem = classify(cause)
        if (problem !== 'retryable') throw new AwsFault(problem, request, cause, backoff.tries)
        await backoff.wait(cause)
      }
    }
  }

  /**
   * Gives `items` to `send` until it leaves none over: what a batch did not process is sent again by itself, after a
   * wait that begins anew whenever some of it went through.
   */
  async drain<T>(
    request: AwsRequest,
    items: readonly T[],
    send: (items: readonly T[]) => Promise<readonly T[]>,
  ): Promise<void> {
    let left = items
    for (let backoff = this.backoff(request); left.length > 0;) {
      const before = left.length
      const sent = left
      left = await this.run(request, () => send(sent))
      if (left.length === 0) return
      if (left.length < before) backoff = this.backoff(request)
      await backoff.wait(new Error(`${left.length} of ${before} were not processed`))
    }
  }

  backoff(request: AwsRequest): Backoff {
    return new Backoff(request, this.#options)
  }

  /** An answer that comes when the invocation is as good as over is not waited for. */
  async #inTime<T>(send: () => Promise<T>): Promise<T> {
    const { clock, remainingMs } = this.#options
    const leftMs = remainingMs() - END_RESERVE_MS
    if (leftMs === Infinity) return send()
    if (leftMs <= 0) throw new DeadlineReached()
    let giveUp: ScheduledCall | undefined
    const timeIsUp = new Promise<never>((_, reject) => {
      giveUp = clock.schedule(clock.now() + leftMs, () => reject(new DeadlineReached()))
    })
    try {
      return await Promise.race([send(), timeIsUp])
    } finally {
      giveUp?.cancel()
    }
  }
}

class DeadlineReached extends Error {
  override readonly name: string = 'TimeoutError'
  constructor() {
    super('the invocation has no time left for an answer')
  }
}

/** Waits between tries: a random part of a time that doubles. */
export class Backoff {
  readonly #request: AwsRequest
  readonly #options: RetryOptions
  /** Tries made so far, the one under way included. */
  tries = 1

  constructor(request: AwsRequest, options: RetryOptions) {
    this.#request = request
    this.#options = options
  }

  /** Resolves when to try again. Rejects with an {@link AwsFault} when there is no time for it. */
  async wait(cause: unknown): Promise<void> {
    const { clock, random, remainingMs } = this.#options
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (this.tries - 1))
    const delayMs = ceilingMs * random.next()
    if (this.tries >= TRIES_MAX || remainingMs() - delayMs <= RETURN_RESERVE_MS) {
      throw new AwsFault('retryable', this.#request, cause, this.tries)
    }
    this.tries++
    await new Promise<void>((resolve) => {
      clock.schedule(clock.now() + delayMs, resolve)
    })
  }
}
