import { join } from 'node:path'
import { pathPart } from '../../checkpoint/checkpoint-paths.ts'
import type { RoutedGroup } from '../../connectors/ingest/group-records.ts'
import { httpEdge } from '../../connectors/ingest/http-edge.ts'
import { ingestSourcesOf, type IngestSource } from '../../connectors/ingest/ingest-sources.ts'
import type { JobPlan } from '../../graph/plan.ts'
import { messageOf, UserError } from '../../model/faults.ts'
import type { Clock } from '../../ports/clock.ts'
import type { IngestLog, IngestPage } from '../../ports/ingest-log.ts'
import type { Random } from '../../ports/random.ts'
import type { DiskFiles } from '../disk-files.ts'
import type { JobEvent } from '../job-handle.ts'
import { lockRun } from '../run-lock.ts'
import { IngestPartition } from './ingest-partition.ts'
import { IngestServer } from './ingest-server.ts'

export interface EmbeddedIngestParts {
  readonly plan: JobPlan
  readonly directory: string
  readonly files: DiskFiles
  readonly clock: Clock
  readonly random: Random
  /** There is more to read for a source. */
  readonly onAppended: (sourceUid: string) => void
  readonly emit: (event: JobEvent) => void
}

/** Unread records of one source on disk from which on new ones are turned away. */
const LOG_BYTES_MAX = 1024 * 1024 * 1024
const RETRY_AFTER_SEC = 5

/**
 * The front door of a job in one process: takes records by HTTP for as long as the job lasts, also while it restarts, and
 * keeps them in files below `<directory>/<job>` until no retained checkpoint needs them.
 */
export class EmbeddedIngest implements IngestLog {
  readonly #parts: EmbeddedIngestParts
  readonly #sources: readonly IngestSource[]
  readonly #directory: string
  readonly #partitions = new Map<string, Promise<IngestPartition>>()
  readonly #servers: IngestServer[] = []
  #unlock: (() => Promise<void>) | undefined

  private constructor(parts: EmbeddedIngestParts, sources: readonly IngestSource[]) {
    this.#parts = parts
    this.#sources = sources
    this.#directory = join(parts.directory, pathPart(parts.plan.jobName))
  }

  /**
   * Undefined where a job needs no front door.
   * @throws UserError if a source cannot be served here, its files are damaged or in use, or nothing can listen.
   */
  static async open(parts: EmbeddedIngestParts): Promise<EmbeddedIngest | undefined> {
    const sources = ingestSourcesOf(parts.plan)
    if (sources.length === 0) return undefined
    const problems = sources.filter((source) => addressOf(source) === undefined).map(queueProblem)
    if (problems.length > 0) throw new UserError(problems)
    const ingest = new EmbeddedIngest(parts, sources)
    try {
      await ingest.#open()
    } catch (cause) {
      await ingest.close()
      throw cause
    }
    return ingest
  }

  async read(sourceUid: string, partition: number, after: number): Promise<IngestPage> {
    return (await this.#partition(sourceUid, partition)).read(after)
  }

  /** What came in up to a position is needed no more. */
  async truncate(sourceUid: string, partition: number, position: number): Promise<void> {
    try {
      await (await this.#partition(sourceUid, partition)).truncate(position + 1)
    } catch (cause) {
      this.#warn(`What source '${sourceUid}' has read was not removed: ${messageOf(cause)}`)
    }
  }

  /** Answers what is under way, and takes no more. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()))
    for (const partition of await Promise.allSettled(this.#partitions.values())) {
      if (partition.status === 'fulfilled') await partition.value.close()
    }
    await this.#unlock?.()
  }

  async #open(): Promise<void> {
    this.#unlock = await lockRun(this.#directory, this.#parts.files)
    for (const { uid, spec } of this.#sources) {
      for (let partition = 0; partition < spec.partitions; partition++) await this.#partition(uid, partition)
    }
    const byAddress = new Map<string, IngestSource[]>()
    for (const source of this.#sources) {
      const address = JSON.stringify(addressOf(source))
      byAddress.set(address, [...(byAddress.get(address) ?? []), source])
    }
    for (const sources of byAddress.values()) await this.#listen(sources)
  }

  async #listen(sources: readonly IngestSource[]): Promise<void> {
    const { clock, random } = this.#parts
    const edge = httpEdge({
      sources,
      deliver: ({ uid }, groups) => this.#deliver(uid, groups),
      retryAfterSec: async (source) =>
        (await this.#bytesOf(source)) > LOG_BYTES_MAX ? RETRY_AFTER_SEC : undefined,
      nowMs: () => clock.now(),
      newKey: () => `${clock.now().toString(36)}-${letters(random)}${letters(random)}`,
    })
    const server = await IngestServer.listen(addressOf(sources[0]!)!, edge, (cause) => {
      this.#warn(`The HTTP server of ${sources.map(({ uid }) => `'${uid}'`).join(', ')}: ${messageOf(cause)}`)
    })
    this.#servers.push(server)
    for (const { uid } of sources) {
      const url = `${server.url}/${encodeURIComponent(uid)}`
      this.#parts.emit({ type: 'listening', atMs: clock.now(), operatorUid: uid, url })
    }
  }

  async #deliver(sourceUid: string, groups: readonly RoutedGroup[]): Promise<boolean> {
    const appended = groups.map(async ({ partition, group }) =>
      (await this.#partition(sourceUid, partition)).append(group),
    )
    const outcomes = await Promise.allSettled(appended)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        this.#warn(`Records of '${sourceUid}' were not kept: ${messageOf(outcome.reason)}`)
    }
    return outcomes.every(({ status }) => status === 'fulfilled')
  }

  async #bytesOf({ uid, spec }: IngestSource): Promise<number> {
    let bytes = 0
    for (let partition = 0; partition < spec.partitions; partition++) {
      bytes += (await this.#partition(uid, partition)).bytes
    }
    return bytes
  }

  /** A checkpoint may name partitions that the source has no more. */
  #partition(sourceUid: string, partition: number): Promise<IngestPartition> {
    const name = `${sourceUid}#${partition}`
    let opened = this.#partitions.get(name)
    if (opened === undefined) {
      const { files, clock, onAppended } = this.#parts
      opened = IngestPartition.open(join(this.#directory, pathPart(sourceUid), String(partition)), files, {
        now: () => clock.now(),
        onAppended: () => onAppended(sourceUid),
      })
      this.#partitions.set(name, opened)
    }
    return opened
  }

  #warn(message: string): void {
    this.#parts.emit({ type: 'warning', atMs: this.#parts.clock.now(), message })
  }
}

/** Where a source's records come in on this machine; undefined if they cannot. */
function addressOf({
  spec: { from },
}: IngestSource): { readonly host: string; readonly port: number } | undefined {
  return from.type === 'http' ? { host: from.host, port: from.port } : from.standIn
}

function queueProblem({ uid, spec: { from } }: IngestSource): string {
  const queue = from.type === 'sqs' ? from.queue : ''
  return (
    `source '${uid}': sqs() reads queue '${queue}' where the job is deployed to AWS; this runtime has no queue. To take its ` +
    "records by HTTP here, give it embedded: 'http'"
  )
}

function letters(random: Random): string {
  return Math.floor(random.next() * 2 ** 32)
    .toString(36)
    .padStart(7, '0')
}
