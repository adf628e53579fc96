import type { BlobStore } from '../../lib/ports/blob-store.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { Mailbox } from '../../lib/ports/mailbox.ts'
import type { RowStore } from '../../lib/ports/row-store.ts'
import type { TurnLog } from '../../lib/ports/turn-log.ts'
import type { SafetySchedule, WakeUps } from '../../lib/ports/wake-ups.ts'
import type { Caller } from './caller.ts'
import { MemoryBlobs } from './memory-blobs.ts'
import { MemoryMailbox } from './memory-mailbox.ts'
import type { MemoryMailboxOptions } from './memory-mailbox.ts'
import { MemoryRowStore } from './memory-row-store.ts'
import type { MemoryRowStoreOptions } from './memory-row-store.ts'
import { MemoryTurnLog } from './memory-turn-log.ts'
import type { MemoryTurnLogOptions } from './memory-turn-log.ts'
import { MemoryWakeUps } from './memory-wake-ups.ts'
import type { MemoryWakeUpsOptions } from './memory-wake-ups.ts'

export interface MemoryWorldOptions {
  readonly clock: Clock
  readonly mailbox?: Omit<MemoryMailboxOptions, 'clock'>
  readonly log?: Omit<MemoryTurnLogOptions, 'clock'>
  readonly rows?: Omit<MemoryRowStoreOptions, 'clock'>
  readonly wakeUps?: Omit<MemoryWakeUpsOptions, 'clock'>
}

/** What one process of a job has of the world: the ports of a `JobRuntime`. */
export interface WorldPorts {
  readonly mailbox: Mailbox
  readonly log: TurnLog
  readonly rows: RowStore
  readonly blobs: BlobStore
  readonly wakeUps: WakeUps
  readonly schedule: SafetySchedule
}

/** All that one job has on AWS, in memory and on one clock. */
export class MemoryWorld {
  readonly mailbox: MemoryMailbox
  readonly log: MemoryTurnLog
  readonly rows: MemoryRowStore
  readonly blobs: MemoryBlobs
  readonly wakeUps: MemoryWakeUps

  constructor({ clock, mailbox, log, rows, wakeUps }: MemoryWorldOptions) {
    this.mailbox = new MemoryMailbox({ clock, ...mailbox })
    this.log = new MemoryTurnLog({ clock, ...log })
    this.rows = new MemoryRowStore({ clock, ...rows })
    this.blobs = new MemoryBlobs()
    this.wakeUps = new MemoryWakeUps({ clock, ...wakeUps })
  }

  /** The ports of one process. `now` is its own clock, which may be wrong. */
  ports(caller: Partial<Caller> & { readonly now?: () => number } = {}): WorldPorts {
    return {
      mailbox: this.mailbox.client(caller),
      log: this.log.client(caller),
      rows: this.rows.client(caller),
      blobs: this.blobs.client(caller),
      wakeUps: this.wakeUps.client(caller),
      schedule: this.wakeUps.schedule(caller),
    }
  }
}
