import TinyQueue from 'tinyqueue'
import { decodeKeyText, mapKey, type MapKeyOf } from '../../model/key-codec.ts'
import type { Key } from '../../model/keys.ts'
import type { TimerDomain } from '../../state/keyed-backend.ts'
import type { Overlay } from './overlay.ts'

interface Entry {
  readonly timeMs: number
  readonly keyText: string
}

/**
 * The keys that have timers in an overlay and are not in memory as objects, by their earliest timer. It holds for as long
 * as no one else changes the state: a key that is in memory looks after its own timers, and is skipped here.
 */
export class OverlayTimers {
  readonly #isInMemory: (id: MapKeyOf) => boolean
  readonly #queue: TinyQueue<Entry>
  #top: { readonly entry: Entry; readonly key: Key; readonly id: MapKeyOf } | undefined

  constructor(overlay: Overlay, uid: string, domain: TimerDomain, isInMemory: (id: MapKeyOf) => boolean) {
    this.#isInMemory = isInMemory
    const entries: Entry[] = []
    for (const { rowKey, timers } of overlay.rowsOf(uid)) {
      const timeMs = domain === 'event' ? timers.eventMs : timers.processingMs
      // Only rows of whole keys have timers, and their row key is the key's text.
      if (timeMs !== undefined) entries.push({ timeMs, keyText: rowKey })
    }
    this.#queue = new TinyQueue(entries, compareEntries)
  }

  /** The key whose timer is due first. */
  peek(): { readonly timeMs: number; readonly key: Key } | undefined {
    for (;;) {
      const entry = this.#queue.peek()
      if (entry === undefined) return undefined
      if (this.#top?.entry !== entry) {
        const key = decodeKeyText(entry.keyText)
        this.#top = { entry, key, id: mapKey(key) }
      }
      if (!this.#isInMemory(this.#top.id)) return { timeMs: entry.timeMs, key: this.#top.key }
      this.#queue.pop()
    }
  }
}

function compareEntries(a: Entry, b: Entry): number {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs ? -1 : 1
  return a.keyText < b.keyText ? -1 : 1
}
