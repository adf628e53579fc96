import { messageOf } from '../../../lib/model/faults.ts'
import type { MessageHandler } from '../../../lib/serverless/runtime.ts'
import type { Chance } from '../chance.ts'
import type { ReceivedMessage } from '../../world/fifo-queue.ts'
import { SimulatedProcess, type ProcessWorld } from './process.ts'

export const FUNCTION_TIMEOUT_MS = 30_000

/** What a function's new process loads. */
export type Code = (process: SimulatedProcess) => MessageHandler

/** As its pollers see it. */
interface PolledQueue {
  receive(maximum: number | undefined, chance: Chance): ReceivedMessage[]
  delete(receiptHandles: readonly string[]): void
  readonly nextReceivableMs: number | undefined
}

export interface LambdaParts extends ProcessWorld {
  readonly name: string
  readonly queue: PolledQueue
  readonly chance: Chance
  /** Told of what a handler must not do. */
  readonly problems: string[]
  /** Invocations at once, at most. */
  readonly concurrency: number
}

/** A process that has loaded its code, and what ends the invocation that it is in. */
interface Environment {
  readonly process: SimulatedProcess
  readonly code: Code
  readonly handler: MessageHandler
  endInvocation: () => void
}

/**
 * A function and the pollers that feed it from a queue: batches of up to ten messages of any groups, several at once,
 * in processes that are kept, ended and begun as the platform likes. Messages are deleted when their invocation says that
 * they are done; all others come again after their visibility timeout.
 */
export class SimulatedLambda {
  readonly #parts: LambdaParts
  #code: Code
  #idle: Environment[] = []
  #running = 0
  #processes = 0
  #pollAtMs: number | undefined

  constructor(parts: LambdaParts, code: Code) {
    this.#parts = parts
    this.#code = code
  }

  /** Invocations under way, but for those of zombies. */
  get running(): number {
    return this.#running
  }

  get processes(): number {
    return this.#processes
  }

  /** New code: no process of the old one takes another batch. */
  deploy(code: Code): void {
    this.#code = code
    this.#idle = []
  }

  /** Something may have come into the queue. */
  look(): void {
    const { queue, scheduler, concurrency, faults } = this.#parts
    const receivableMs = queue.nextReceivableMs
    if (receivableMs === undefined || this.#running >= concurrency) return
    const atMs = receivableMs + faults.latencyMs()
    if (this.#pollAtMs !== undefined && this.#pollAtMs <= atMs) return
    this.#pollAtMs = atMs
    scheduler.at(atMs, () => {
      if (this.#pollAtMs !== atMs) return
      this.#pollAtMs = undefined
      this.#poll()
      this.look()
    })
  }

  #poll(): void {
    const { queue, chance, faults, concurrency } = this.#parts
    if (this.#running >= concurrency) return
    const messages = queue.receive(undefined, chance)
    if (messages.length === 0) return
    this.#invoke(messages)
    if (faults.strikes('duplicate')) this.#invoke(messages)
  }

  #invoke(messages: readonly ReceivedMessage[]): void {
    const { scheduler, faults } = this.#parts
    const environment = this.#environment()
    const { process } = environment
    let isOver = false
    environment.endInvocation = () => {
      if (isOver) return
      isOver = true
      this.#running--
      scheduler.after(0, () => this.look())
    }
    this.#running++
    process.trace(
      () => `takes ${messages.map(({ messageId, group }) => `${messageId} to ${group}`).join(', ')}`,
    )
    const deadlineMs = scheduler.nowMs + FUNCTION_TIMEOUT_MS
    scheduler.at(deadlineMs, () => {
      if (isOver) return
      if (faults.strikes('outlive')) process.trace(() => 'ran out of time, and goes on')
      else process.die('ran out of time')
      environment.endInvocation()
    })
    const run = async (): Promise<void> => {
      const failed = await this.#handle(environment, messages, deadlineMs)
      if (isOver || !process.isAlive) return
      environment.endInvocation()
      this.#finish(environment, messages, failed)
    }
    void run()
  }

  async #handle(
    { process, handler }: Environment,
    messages: readonly ReceivedMessage[],
    deadlineMs: number,
  ): Promise<ReadonlySet<string>> {
    const { scheduler, problems, name } = this.#parts
    const incoming = messages.map(({ messageId, body }) => ({ messageId, body }))
    try {
      const outcome = await handler(incoming, { remainingMs: () => deadlineMs - scheduler.nowMs })
      return new Set(outcome.failed)
    } catch (cause) {
      problems.push(`${name}: a handler rejects: ${messageOf(cause)}`)
      process.die('its handler rejects')
      return new Set()
    }
  }

  #finish(environment: Environment, messages: readonly ReceivedMessage[], failed: ReadonlySet<string>): void {
    const { scheduler, faults, queue } = this.#parts
    const { process, code } = environment
    if (failed.size > 0) process.trace(() => `returns ${[...failed].join(', ')}`)
    const isLost = faults.strikes('loseDelete')
    if (isLost) process.trace(() => 'is done, but its messages are not deleted')
    else {
      const done = messages.filter(({ messageId }) => !failed.has(messageId))
      scheduler.after(faults.latencyMs(), () => {
        queue.delete(done.map(({ receiptHandle }) => receiptHandle))
        this.look()
      })
    }
    if (faults.strikes('reap')) process.die('is ended')
    else if (code === this.#code) this.#idle.push(environment)
  }

  #environment(): Environment {
    const { chance, faults, name } = this.#parts
    if (this.#idle.length > 0 && !faults.strikes('coldStart'))
      return this.#idle.splice(chance.int(0, this.#idle.length - 1), 1)[0]!
    const process = new SimulatedProcess(`${name}-${++this.#processes}`, this.#parts, () => {
      this.#idle = this.#idle.filter((other) => other !== environment)
      environment.endInvocation()
    })
    const code = this.#code
    const environment: Environment = { process, code, handler: code(process), endInvocation: () => {} }
    process.trace(() => `begins; its clock is off by ${process.skewMs} ms`)
    return environment
  }
}
