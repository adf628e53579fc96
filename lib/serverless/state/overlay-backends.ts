import type { KeyedStateBackendFactory, TimerDomain } from '../../state/keyed-backend.ts'
import { OverlayBackend, type KeyedView } from './overlay-backend.ts'
import type { KeyedImage } from './keyed-image.ts'
import type { RowChange } from './row-change.ts'
import type { ColdTimers, MissingRow } from './row-missing.ts'

/** The backends of one task's operators, made from one image. */
export function overlayBackends(view: KeyedView): OverlayBackends {
  return new OverlayBackends(view)
}

export class OverlayBackends {
  readonly factory: KeyedStateBackendFactory
  #view: KeyedView
  readonly #backends = new Map<string, OverlayBackend>()

  constructor(view: KeyedView) {
    this.#view = view
    this.factory = {
      create: (options) => {
        const backend = new OverlayBackend(options, this.#view)
        this.#backends.set(options.operatorUid, backend)
        return backend
      },
    }
  }

  of(uid: string): OverlayBackend | undefined {
    return this.#backends.get(uid)
  }

  /**
   * What was missing, if something was: fetch it, and do the step again with new operators. To be asked after every step,
   * since user code may have caught the exception.
   */
  get missing(): MissingRow | undefined {
    for (const { missing } of this.#backends.values()) if (missing !== undefined) return missing
    return undefined
  }

  /** Timers that may be due and have to be fetched first. */
  coldTimers(domain: TimerDomain, upToMs: number): readonly ColdTimers[] {
    return Array.from(this.#backends)
      .filter(([, backend]) => backend.hasColdTimers(domain, upToMs))
      .map(([uid]) => ({ uid, domain, upToMs }))
  }

  /** What the turn changed. @throws RowMissing if something was missing. */
  takeChanges(): readonly RowChange[] {
    return [...this.#backends.values()].flatMap((backend) => backend.takeChanges())
  }

  /** The turn is committed, and `image` came of it: nothing else is in it that was not in the one before. */
  committed(image: KeyedImage): void {
    this.#view = { ...this.#view, image }
    for (const backend of this.#backends.values()) backend.committed(this.#view)
  }
}
