import { messageOf } from '../../../lib/model/faults.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../lib/serverless/actor/envelope.ts'
import { decodeEntry, placeOf, sortOf } from '../../../lib/serverless/actor/log-entry.ts'
import { sha256 } from '../../../lib/node/sha256.ts'
import { pack, unpack } from '../../../lib/serverless/actor/packing.ts'
import type { TaskGenesis } from '../../../lib/serverless/protocol.ts'
import type { BlobStore } from '../../../lib/ports/blob-store.ts'
import type { BatchOutcome } from '../../../lib/serverless/runtime.ts'
import type { RowStore, RowWrite } from '../../../lib/ports/row-store.ts'
import type { LogEntry } from '../../../lib/ports/turn-log.ts'
import type { Faults } from '../../world/faults.ts'
import type { WorldPorts } from '../../world/memory-world.ts'
import { endedUnderWay, onFewRows, onRows, restarting, throttledOnRows } from './bringing-out.ts'
import type { KnownMistake } from './known-mistake.ts'
import type { SimulatedProcess } from './process.ts'
import type { Mistake } from './run.ts'

// Mistakes in how the world is asked.

const INLINE = 0

export const PORT_MISTAKES: readonly KnownMistake[] = [
  { name: 'appends without the condition', from: 1, within: 40, make: appendsWithoutCondition },
  { name: 'takes a lost append for a won one', from: 1, within: 20, make: ignoresConflicts },
  { name: 'sends again under the id of the first time', from: 1, within: 40, make: reusesDeduplicationIds },
  { name: 'sends before the turn is committed', from: 1, within: 40, make: sendsBeforeCommit },
  {
    name: 'leaves it to the process that committed a message to send it',
    from: 1,
    within: 40,
    make: losesUnsent,
  },
  { name: 'lets go of messages before the turn', from: 1, within: 40, make: deletesBeforeTurn },
  {
    name: 'lets go of messages before what they led to is sent',
    from: 1,
    within: 40,
    faults: { reap: 0.5 },
    make: deletesBeforeSends,
  },
  {
    name: 'writes rows whatever position is there',
    from: 1,
    within: 10,
    faults: { lateRow: 0.2, outlive: 1 },
    change: onFewRows,
    make: writesStaleRows,
  },
  {
    name: 'lets rows expire before what they hold',
    from: 1,
    within: 40,
    change: onRows,
    make: expiresRowsEarly,
  },
  {
    name: 'takes a fault of the platform for a failure of the job',
    from: 1,
    within: 10,
    change: throttledOnRows,
    as: 'the job fails: ',
    make: takesFaultsForFailures,
  },
  { name: 'spills under a name that is used again', from: 1, within: 60, make: reusesSpillNames },
  {
    name: 'begins an attempt one turn before the checkpoint',
    from: 1,
    within: 40,
    change: restarting,
    make: restoresBefore,
  },
  {
    name: 'begins an attempt where the log had come to',
    from: 1,
    within: 40,
    change: restarting,
    make: restoresAtEnd,
  },
  {
    name: 'forgets what was under way where the tasks are others',
    from: 13,
    within: 10,
    change: endedUnderWay,
    make: forgetsUnderWay,
  },
]

function appendsWithoutCondition(): Mistake {
  const written = new Map<string, Uint8Array>()
  return {
    ports: (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        async append(actor, entry, expiresAtSec) {
          await ports.log.append(actor, entry, expiresAtSec)
          written.set(entryKey(actor, entry.sort), entry.body)
          return 'appended'
        },
        async read(actor, after) {
          const page = await ports.log.read(actor, after)
          const entries = page.entries.map(({ sort, body }) => ({
            sort,
            body: written.get(entryKey(actor, sort)) ?? body,
          }))
          return { ...page, entries }
        },
      },
    }),
  }
}

function ignoresConflicts(): Mistake {
  return {
    ports: (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        async append(actor, entry, expiresAtSec) {
          await ports.log.append(actor, entry, expiresAtSec)
          return 'appended'
        },
      },
    }),
  }
}

function reusesDeduplicationIds(): Mistake {
  return {
    ports: (ports) => ({
      ...ports,
      mailbox: {
        ...ports.mailbox,
        send: (messages) =>
          ports.mailbox.send(
            messages.map((message) => {
              const isRepeatable = decodeEnvelope(message.body).kind === 'message'
              return isRepeatable ? { ...message, deduplicationId: sha256(message.body) } : message
            }),
          ),
      },
    }),
  }
}

function sendsBeforeCommit(): Mistake {
  return {
    ports: (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        async append(actor, entry, expiresAtSec) {
          const item = await decodeEntry(entry, ports.blobs)
          if (item.type === 'turn' && item.outbox.length > 0) {
            await ports.mailbox.send(
              item.outbox.map((one) => ({
                to: one.to,
                deduplicationId: sha256(`${actor} ${entry.sort} ${one.to} ${one.sequence}`),
                body: encodeEnvelope({ kind: 'message', from: actor, ...one }),
              })),
            )
          }
          return ports.log.append(actor, entry, expiresAtSec)
        },
      },
    }),
  }
}

function losesUnsent(): Mistake {
  return {
    ports: (ports) => {
      const own = new Set<string>()
      return {
        ...ports,
        log: {
          ...ports.log,
          async append(actor, entry, expiresAtSec) {
            const outcome = await ports.log.append(actor, entry, expiresAtSec)
            const item = await decodeEntry(entry, ports.blobs)
            if (outcome === 'appended' && item.type === 'turn')
              for (const one of item.outbox) own.add(`${actor} ${one.to} ${one.attempt} ${one.sequence}`)
            return outcome
          },
        },
        mailbox: {
          ...ports.mailbox,
          async send(messages) {
            const sent = messages.filter(({ body }) => {
              const envelope = decodeEnvelope(body)
              if (envelope.kind !== 'message') return true
              return own.has(`${envelope.from} ${envelope.to} ${envelope.attempt} ${envelope.sequence}`)
            })
            const outcomes = await ports.mailbox.send(sent)
            return messages.map((message) => outcomes[sent.indexOf(message)] ?? 'sent')
          },
        },
      }
    },
  }
}

function deletesBeforeTurn(): Mistake {
  return answering(() => Promise.resolve())
}

function deletesBeforeSends(): Mistake {
  return answering((committed) => committed)
}

/** Answers the platform too early, and does the rest while the process lives; one invocation after the other, all the same. */
function answering(when: (committed: Promise<void>) => Promise<void>): Mistake {
  const commits = new Map<SimulatedProcess, () => void>()
  return {
    ports: (ports, _cloud, process) => ({
      ...ports,
      log: {
        ...ports.log,
        async append(actor, entry, expiresAtSec) {
          const outcome = await ports.log.append(actor, entry, expiresAtSec)
          commits.get(process)?.()
          return outcome
        },
      },
    }),
    handlers: (handlers, process) => {
      let before: Promise<unknown> = Promise.resolve()
      return {
        ...handlers,
        async operator(messages, invocation) {
          await before
          const committed = new Promise<void>((resolve) => commits.set(process, resolve))
          const whole = handlers.operator(messages, invocation)
          before = whole
          const early = when(committed).then((): BatchOutcome => ({ failed: [] }))
          return Promise.race([whole, early])
        },
      }
    },
  }
}

function takesFaultsForFailures(): Mistake {
  return {
    ports: (ports) => ({
      ...ports,
      rows: {
        ...ports.rows,
        get: (addresses) =>
          ports.rows.get(addresses).catch((cause: unknown) => {
            throw new Error(messageOf(cause))
          }),
      } satisfies RowStore,
    }),
  }
}

/** A row that arrives takes the place of whatever is there. */
function writesStaleRows(): Mistake {
  return {
    ports: (ports, { world }, process) => {
      const writeOne = (row: RowWrite): ReturnType<RowStore['write']> => {
        const faults: Faults = {
          async before(operation) {
            await process.before(operation)
            if (operation.name === 'write-row') world.rows.lose(row)
          },
          after: (operation) => process.after(operation),
          entry: (operation, index) => process.entry(operation, index),
        }
        return world.rows.client({ faults }).write([row])
      }
      return {
        ...ports,
        rows: {
          ...ports.rows,
          async write(rows) {
            await Promise.all(rows.map(writeOne))
            return { written: rows.length, stale: 0 }
          },
        } satisfies RowStore,
      }
    },
  }
}

function expiresRowsEarly(): Mistake {
  return {
    ports: (ports) => ({
      ...ports,
      rows: {
        ...ports.rows,
        write: (rows) =>
          ports.rows.write(rows.map((row) => ({ ...row, expiresAtMs: Math.min(row.expiresAtMs, 1) }))),
      },
    }),
  }
}

/** The name lacks the hash, as it were: whoever spills last has its content there. */
function reusesSpillNames(): Mistake {
  const contents = new Map<string, Uint8Array>()
  return {
    ports: (ports) => ({
      ...ports,
      blobs: {
        ...ports.blobs,
        async get(name) {
          const bytes = await ports.blobs.get(name)
          return bytes === undefined || !name.startsWith('log/') ? bytes : contents.get(shortName(name))
        },
        async putIfAbsent(name, bytes) {
          const outcome = await ports.blobs.putIfAbsent(name, bytes)
          contents.set(shortName(name), bytes)
          return outcome
        },
      } satisfies BlobStore,
    }),
  }
}

function restoresBefore(): Mistake {
  return { ports: (ports) => withGeneses(ports, (base) => base - 1) }
}

function restoresAtEnd(): Mistake {
  return {
    ports: (ports, { world }) =>
      withGeneses(ports, (base, actor, attempt) => {
        const last = world.log
          .entries(actor)
          .map(({ sort }) => placeOf(sort))
          .filter((place) => place.attempt === attempt && Number.isFinite(place.position))
        return last.at(-1)?.position ?? base
      }),
  }
}

function forgetsUnderWay(): Mistake {
  return {
    ports: (ports) =>
      withEntries(ports, async (_, entry) => {
        const item = await decodeEntry(entry, ports.blobs)
        if (item.type !== 'genesis') return entry
        const { base } = item.genesis
        const content: TaskGenesis = { ...(item.genesis.content as TaskGenesis), stash: undefined }
        const place = base === undefined ? null : [base.attempt, base.position]
        return { sort: entry.sort, body: inline(pack(['genesis', place, content])) }
      }),
  }
}

/** Other entries are appended than those that were to be. */
function withEntries(
  ports: WorldPorts,
  change: (actor: ActorId, entry: LogEntry) => LogEntry | Promise<LogEntry>,
): WorldPorts {
  return {
    ...ports,
    log: {
      ...ports.log,
      append: async (actor, entry, expiresAtSec) =>
        ports.log.append(actor, await change(actor, entry), expiresAtSec),
    },
  }
}

function inline(packed: Uint8Array): Uint8Array {
  const body = new Uint8Array(packed.length + 1)
  body[0] = INLINE
  body.set(packed, 1)
  return body
}

/** Every attempt of a task that goes on from a place in its log goes on from another one. */
function withGeneses(
  ports: WorldPorts,
  move: (basePosition: number, actor: ActorId, baseAttempt: number) => number,
): WorldPorts {
  const moved = (actor: ActorId, entry: LogEntry): LogEntry => {
    if (entry.body[0] !== INLINE) return entry
    const [type, base, ...rest] = unpack(entry.body.subarray(1)) as [
      string,
      [number, number] | null,
      ...unknown[],
    ]
    if (type !== 'genesis' || base === null || base[1] < 2) return entry
    const position = move(base[1], actor, base[0])
    const body = inline(pack([type, [base[0], position], ...rest]))
    const { attempt } = placeOf(entry.sort)
    return { sort: sortOf({ attempt, position: position + 1 }), body }
  }
  return withEntries(ports, moved)
}

function entryKey(actor: ActorId, sort: string): string {
  return `${actor} ${sort}`
}

function shortName(name: string): string {
  return name.slice(0, name.lastIndexOf('-'))
}
