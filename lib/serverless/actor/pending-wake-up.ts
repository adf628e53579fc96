import type { ActorId } from '../../model/ids.ts'
import type { WakeUps } from '../../ports/wake-ups.ts'
import type { Delivery } from './inbox.ts'

/**
 * The wake-up of an actor that is under way. The log tells: it is that of the last turn that asked for one. A wake-up says for which
 * time it was asked. So one that comes twice, or was asked for twice, is not what the log tells of any more, and ends.
 */
export class PendingWakeUp {
  readonly #actor: ActorId
  readonly #wakeUps: WakeUps
  /** Epoch milliseconds, as all times here. */
  #armedAtMs: number | undefined
  /** Wake-ups for these times came with what is being handled. */
  #atHand: ReadonlySet<number> = new Set()
  /** The one of them that went on its way again. */
  #sentOnAtMs: number | undefined

  constructor(actor: ActorId, wakeUps: WakeUps) {
    this.#actor = actor
    this.#wakeUps = wakeUps
  }

  /** What is being handled from here on. */
  receive(deliveries: readonly Delivery[]): void {
    this.#atHand = new Set(
      deliveries.flatMap(({ envelope }) =>
        envelope.kind === 'nudge' && envelope.wakeUpAtMs !== undefined ? [envelope.wakeUpAtMs] : [],
      ),
    )
    this.#sentOnAtMs = undefined
  }

  /** The log is read from the beginning. */
  reset(): void {
    this.#armedAtMs = undefined
  }

  /** A turn of others asked for this; undefined: for none. */
  noteTurn(wakeAtMs: number | undefined): void {
    this.#armedAtMs = wakeAtMs ?? this.#armedAtMs
  }

  /** It was sent, whoever was to send it. */
  isAtHand(atMs: number): boolean {
    return this.#atHand.has(atMs)
  }

  /** Asks for one. Rejects if that cannot be. */
  async wakeAt(atMs: number): Promise<void> {
    await this.#wakeUps.wakeAt(this.#actor, atMs)
    this.#armedAtMs = atMs
  }

  /** One that came before its time by this process's clock goes on its way again: the log tells of it as one that is to come. */
  async sendOn(nowMs: number): Promise<void> {
    const armed = this.#armedAtMs
    if (armed === undefined || armed <= nowMs || armed === this.#sentOnAtMs || !this.isAtHand(armed)) return
    await this.wakeAt(armed)
    this.#sentOnAtMs = armed
  }

  /** When to ask for a wake-up, that there is one at `wakeAtMs`; undefined where one is under way that comes in time. */
  timeToAskFor(wakeAtMs: number | undefined, nowMs: number): number | undefined {
    const armed = this.#armedAtMs
    const isArmed = wakeAtMs !== undefined && armed !== undefined && armed > nowMs && armed <= wakeAtMs
    return isArmed ? undefined : wakeAtMs
  }
}
