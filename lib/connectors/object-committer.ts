import { messageOf, UserError } from '../model/faults.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { Outside } from '../ports/outside.ts'
import type { SinkContext, TwoPhaseCommitter } from '../stream/sink.ts'
import { digest } from './digest.ts'
import { ObjectStaging, placeOf, type WrittenAt } from './object-staging.ts'

/** Of a staged part; larger ones need more memory, smaller ones more requests. */
const PART_BYTES_MAX = 8 * 1024 * 1024
/** Transactions that a committer publishes between two looks at what is left. */
const COMMITS_PER_SWEEP = 100
/** Parts that are fetched at once. */
const FETCHES_MAX = 16

interface StagedPart {
  readonly name: string
  readonly bytes: number
}

/** Holds all that its commit needs: whoever commits it, with whatever options, publishes the same. */
export interface ObjectTransaction {
  readonly bucket: string
  /** Where parts are: what their keys begin with. */
  readonly staging: string
  readonly begun: WrittenAt
  /** Of the last of those that it is made of. */
  readonly lastBegun: WrittenAt
  /** What published keys begin with; a number and the suffix follow. */
  readonly key: string
  readonly suffix: string
  readonly rollOverBytes: number
  readonly parts: readonly StagedPart[]
}

interface ObjectCommitterOptions<T> {
  /** Whose objects they are, for messages. */
  readonly subject: string
  readonly bucket: string
  readonly prefix: string
  readonly suffix: string
  readonly rollOverBytes: number
  readonly stagingPrefix: string
  readonly format: (value: T) => string
}

/** What of the world beyond the job it uses. */
type ObjectsOutside = Pick<Outside, 'objects' | 'random'>

/** Stages what transactions hold as parts, and puts these together to objects on commit. */
export class ObjectCommitter<T> implements TwoPhaseCommitter<T, ObjectTransaction> {
  private readonly options: ObjectCommitterOptions<T>
  private readonly context: SinkContext
  private readonly outside: ObjectsOutside
  private readonly partBytesMax: number
  private readonly writer: string
  private lines: Uint8Array[] = []
  private heldBytes = 0
  private parts: StagedPart[] = []
  private commits = 0

  constructor(options: ObjectCommitterOptions<T>, context: SinkContext, outside: ObjectsOutside) {
    this.options = options
    this.context = context
    this.outside = outside
    this.partBytesMax = Math.min(PART_BYTES_MAX, options.rollOverBytes)
    this.writer = outside.random.next().toString(36).slice(2)
  }

  begin(): ObjectTransaction {
    const { bucket, prefix, suffix, rollOverBytes, stagingPrefix } = this.options
    const begun = placeOf(this.context)
    // Short, and fit for a key.
    const run = digest(this.context.lineage).slice(0, 12)
    this.reset()
    return {
      bucket,
      staging: ObjectStaging.pathOf(stagingPrefix, this.context),
      begun,
      lastBegun: begun,
      key: `${prefix}part-${begun.subtask}-${run}-${begun.attempt}-${begun.position}`,
      suffix,
      rollOverBytes,
      parts: [],
    }
  }

  async write(txn: ObjectTransaction, values: readonly T[]): Promise<void> {
    const { format } = this.options
    let text = ''
    for (const value of values) text += `${format(value)}\n`
    const bytes = Buffer.from(text)
    this.lines.push(bytes)
    this.heldBytes += bytes.length
    if (this.heldBytes >= this.partBytesMax) await this.stage(txn)
  }

  async preCommit(txn: ObjectTransaction): Promise<ObjectTransaction> {
    if (this.heldBytes > 0) await this.stage(txn)
    const { parts } = this
    this.reset()
    return { ...txn, parts }
  }

  combine(transactions: readonly ObjectTransaction[]): ObjectTransaction {
    const first = transactions[0]!
    const { lastBegun } = transactions.at(-1)!
    return { ...first, lastBegun, parts: transactions.flatMap(({ parts }) => parts) }
  }

  async commit(txn: ObjectTransaction): Promise<void> {
    const store = this.outside.objects(txn.bucket)
    const staging = new ObjectStaging(store, txn.staging)
    await this.explained(store, `publish ${txn.key}`, async () => {
      for (const [number, parts] of objectsOf(txn).entries()) {
        await publish(
          this.options.subject,
          txn,
          `${txn.key}-${String(number).padStart(4, '0')}${txn.suffix}`,
          parts,
          store,
          staging,
        )
      }
      await staging.mark(txn.begun)
      await staging.remove(txn.parts.map(({ name }) => name))
      await this.sweep(txn, staging)
    })
  }

  /** Nothing refers to what was staged: a sweep removes it, or this does. */
  async abort(txn: ObjectTransaction): Promise<void> {
    const names = [...this.parts, ...txn.parts].map(({ name }) => name)
    this.reset()
    await new ObjectStaging(this.outside.objects(txn.bucket), txn.staging).remove(names)
  }

  private async stage(txn: ObjectTransaction): Promise<void> {
    const bytes = Buffer.concat(this.lines)
    const store = this.outside.objects(txn.bucket)
    const name = await this.explained(store, `stage records of ${txn.key}`, () =>
      new ObjectStaging(store, txn.staging).add(txn.begun, this.writer, bytes),
    )
    this.parts.push({ name, bytes: bytes.length })
    this.lines = []
    this.heldBytes = 0
  }

  private async sweep(txn: ObjectTransaction, staging: ObjectStaging): Promise<void> {
    const { attempt, subtask } = placeOf(this.context)
    const isOwn = txn.begun.attempt === attempt && txn.begun.subtask === subtask
    if (!isOwn || txn.staging !== ObjectStaging.pathOf(this.options.stagingPrefix, this.context)) return
    if (this.commits++ % COMMITS_PER_SWEEP === 0) await staging.sweep(txn.lastBegun, this.context.parallelism)
  }

  private reset(): void {
    this.lines = []
    this.heldBytes = 0
    this.parts = []
  }

  private async explained<R>(store: BlobStore, doing: string, action: () => Promise<R>): Promise<R> {
    try {
      return await action()
    } catch (cause) {
      if (cause instanceof UserError) throw cause
      const { subject } = this.options
      throw new Error(`${subject}: cannot ${doing} in ${store.location}: ${messageOf(cause)}`, { cause })
    }
  }
}

async function publish(
  subject: string,
  txn: ObjectTransaction,
  key: string,
  parts: readonly StagedPart[],
  store: BlobStore,
  staging: ObjectStaging,
): Promise<void> {
  const contents = await fetchParts(staging, parts)
  // After the parts: whoever marks removes them only then.
  if (await staging.isMarked(txn.begun)) return
  if (contents === undefined) {
    if ((await store.get(key)) !== undefined) return
    throw new UserError(
      `${subject}: cannot publish ${key}: neither it nor all that was staged for it below ${staging.path} is there, so ` +
        'its records are lost. Expected a lifecycle rule no shorter than checkpoints are kept, and nobody but the job to ' +
        'change what is there. Restore another checkpoint',
    )
  }
  if ((await store.putIfAbsent(key, contents)) === 'stored') return
  const there = await store.get(key)
  if (there === undefined || Buffer.compare(there, contents) === 0) return
  throw new UserError(
    `${subject}: cannot publish ${key} in ${store.location}: another object has that key. ` +
      'Expected no other writer there: give each sink a prefix of its own',
  )
}

/** Their content, one after the other; undefined if any is missing. */
async function fetchParts(
  staging: ObjectStaging,
  parts: readonly StagedPart[],
): Promise<Uint8Array | undefined> {
  const contents: Uint8Array[] = []
  for (let from = 0; from < parts.length; from += FETCHES_MAX) {
    const some = await Promise.all(parts.slice(from, from + FETCHES_MAX).map(({ name }) => staging.get(name)))
    for (const one of some) {
      if (one === undefined) return undefined
      contents.push(one)
    }
  }
  return Buffer.concat(contents)
}

/** The parts of each object: as many as bring it to the size at which another begins. */
function objectsOf({ parts, rollOverBytes }: ObjectTransaction): readonly (readonly StagedPart[])[] {
  const objects: StagedPart[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const part of parts) {
    if (bytes >= rollOverBytes) {
      objects.push([])
      bytes = 0
    }
    objects.at(-1)!.push(part)
    bytes += part.bytes
  }
  return objects
}
