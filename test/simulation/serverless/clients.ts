import type { HttpAnswer, HttpRequest } from '../../../lib/connectors/ingest/http-messages.ts'
import type { Chance } from '../chance.ts'
import { riseOf, type Item } from '../program.ts'
import type { SourcePace } from './case.ts'
import { FUNCTION_TIMEOUT_MS } from './lambda.ts'
import { SimulatedProcess, type ProcessWorld } from './process.ts'

/** What answers requests in one process. */
export type Edge = (request: HttpRequest) => Promise<HttpAnswer>

interface EdgeEnvironment {
  readonly process: SimulatedProcess
  readonly edge: Edge
}

/** A client gives an answer up after this long, and asks again. */
const PATIENCE_MS = 10_000

/** The function behind the job's URL: a process takes one request at a time. */
export class HttpFunction {
  readonly #world: ProcessWorld
  readonly #chance: Chance
  readonly #load: (process: SimulatedProcess) => Edge
  #idle: EdgeEnvironment[] = []
  #processes = 0

  constructor(world: ProcessWorld, chance: Chance, load: (process: SimulatedProcess) => Edge) {
    this.#world = world
    this.#chance = chance
    this.#load = load
  }

  /** `onAnswer` is called once, or never. */
  request(request: HttpRequest, onAnswer: (answer: HttpAnswer) => void): void {
    const { scheduler, faults } = this.#world
    const { process, edge } = this.#environment()
    const deadlineMs = scheduler.nowMs + FUNCTION_TIMEOUT_MS
    let isAnswered = false
    scheduler.at(deadlineMs, () => {
      if (!isAnswered && !faults.strikes('outlive')) process.die('ran out of time')
    })
    const run = async (): Promise<void> => {
      const answer = await edge(request)
      isAnswered = true
      if (!process.isAlive) return
      if (faults.strikes('reap')) process.die('is ended')
      else if (scheduler.nowMs < deadlineMs) this.#idle.push({ process, edge })
      process.trace(() => `answers ${answer.status}`)
      if (!faults.strikes('loseAnswer')) scheduler.after(faults.latencyMs(), () => onAnswer(answer))
    }
    void run()
  }

  #environment(): EdgeEnvironment {
    const { faults } = this.#world
    if (this.#idle.length > 0 && !faults.strikes('coldStart'))
      return this.#idle.splice(this.#chance.int(0, this.#idle.length - 1), 1)[0]!
    const process = new SimulatedProcess(`http-${++this.#processes}`, this.#world, () => {
      this.#idle = this.#idle.filter((other) => other.process !== process)
    })
    return { process, edge: this.#load(process) }
  }
}

export interface ClientParts extends ProcessWorld {
  readonly chance: Chance
  readonly http: HttpFunction
  readonly sourceUid: string
  readonly splits: readonly (readonly Item[])[]
  readonly padding: string
  readonly pace: SourcePace
  readonly problems: string[]
}

/**
 * Sends the items of a source one request after the other, each until it is accepted: what was accepted has to come
 * through, once and in this order (invariant 8, no loss).
 */
export class HttpClient {
  readonly #parts: ClientParts
  #left: readonly Item[]
  #requests = 0

  constructor(parts: ClientParts) {
    this.#parts = parts
    this.#left = parts.splits.flat().toSorted((a, b) => riseOf(a) - riseOf(b))
    this.#next()
  }

  get isDone(): boolean {
    return this.#left.length === 0
  }

  #next(): void {
    if (this.isDone) return
    const { chance, scheduler, pace } = this.#parts
    const items = this.#left.slice(0, chance.magnitude(1, pace.readMax))
    const key = `${this.#parts.sourceUid}-${++this.#requests}`
    const waitMs = chance.chance(pace.waits) ? chance.magnitude(1, pace.waitMaxMs) : 0
    scheduler.after(waitMs, () => this.#send(items, key))
  }

  #send(items: readonly Item[], key: string): void {
    const { http, scheduler, faults, trace, sourceUid, chance, problems } = this.#parts
    let isOver = false
    const again = (afterMs: number): void => {
      isOver = true
      scheduler.after(afterMs, () => this.#send(items, key))
    }
    const onAnswer = ({ status, body }: HttpAnswer): void => {
      if (isOver) return
      if (status === 202) {
        isOver = true
        this.#left = this.#left.slice(items.length)
        this.#next()
        return
      }
      if (status !== 503 && status !== 429) problems.push(`no loss: a request is answered ${status}: ${body}`)
      again(chance.int(200, 2_000))
    }
    scheduler.after(faults.latencyMs(), () => {
      trace(() => `client: sends ${items.map(({ key: of, n }) => `${of}-${n}`).join(' ')} as ${key}`)
      http.request(this.#requestOf(sourceUid, items, key), onAnswer)
    })
    scheduler.after(PATIENCE_MS, () => {
      if (!isOver) again(0)
    })
  }

  #requestOf(sourceUid: string, items: readonly Item[], key: string): HttpRequest {
    const { padding, chance } = this.#parts
    const records = padding === '' ? items : items.map((item) => ({ ...item, padding }))
    const asLines = chance.chance(0.5)
    const text = asLines ? records.map((one) => JSON.stringify(one)).join('\n') : JSON.stringify(records)
    return {
      method: 'POST',
      path: `/${sourceUid}`,
      headers: {
        'idempotency-key': key,
        'content-type': asLines ? 'application/x-ndjson' : 'application/json',
      },
      body: new TextEncoder().encode(text),
    }
  }
}
