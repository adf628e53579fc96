import { readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { assert } from '../model/faults.ts'
import type { SinkContext, TwoPhaseCommitter } from '../stream/sink.ts'
import { fileError } from './file-errors.ts'
import { publish } from './publish.ts'
import { StagedFile } from './staged-file.ts'
import { padded, StagingArea, type StagedEntry } from './staging-area.ts'
import { syncDirectory } from './sync-directory.ts'

/** A file of a transaction: where it waits, and where it will be. Both relative to the sink's directory. */
interface TransactionFile {
  readonly staged: string
  readonly final: string
}

export interface FileTransaction {
  readonly subtask: number
  /** Of its last file. */
  readonly sequence: number
  readonly files: readonly TransactionFile[]
  /** Where it was written, as an absolute path: for messages. Whoever commits it goes by a directory of its own. */
  readonly directory?: string
}

export interface FileCommitterOptions<T> {
  readonly directory: string
  readonly prefix: string
  readonly suffix: string
  readonly rollOverBytes: number
  readonly format: (value: T) => string
}

/**
 * Writes each transaction to staged files and publishes them on commit.
 *
 * A final name is fixed when its file is begun: the next number after all that this subtask has published or staged,
 * whoever is to publish it. So names rise in the order of writing, and no name is used twice, at whatever moment an
 * attempt ended and at whatever parallelism the next one runs. Numbers may be left out.
 */
export class FileCommitter<T> implements TwoPhaseCommitter<T, FileTransaction> {
  private readonly options: FileCommitterOptions<T>
  private readonly context: SinkContext
  private readonly staging: StagingArea
  private nextSequence = 0
  private current: StagedFile | undefined
  /** Sequence numbers of the files of the open transaction. */
  private sequences: number[] = []
  private ownCommits = 0

  constructor(options: FileCommitterOptions<T>, context: SinkContext) {
    this.options = options
    this.context = context
    this.staging = new StagingArea(options.directory, context)
  }

  async open(): Promise<void> {
    await this.staging.create()
    const { subtaskIndex } = this.context
    const staged = await this.staging.list()
    const used = staged.filter(({ subtask }) => subtask === subtaskIndex).map(({ sequence }) => sequence)
    used.push(...(await this.publishedSequences()))
    this.nextSequence = used.reduce((max, sequence) => Math.max(max, sequence + 1), 0)
    // Nobody writes to these any more: this subtask has not begun, and those beyond the parallelism do not exist.
    await this.staging.remove(staged.filter((entry) => entry.status === 'open' && this.isInCharge(entry)))
  }

  begin(): FileTransaction {
    this.sequences = []
    const directory = resolve(this.options.directory)
    return { subtask: this.context.subtaskIndex, sequence: this.nextSequence, files: [], directory }
  }

  write(_txn: FileTransaction, values: readonly T[]): void | Promise<void> {
    const { format } = this.options
    let text = ''
    for (const value of values) text += `${format(value)}\n`
    if (this.current === undefined || this.current.sizeBytes >= this.options.rollOverBytes) {
      return this.writeToNextFile(text)
    }
    return this.current.append(text)
  }

  async preCommit(txn: FileTransaction): Promise<FileTransaction> {
    await this.finishCurrent()
    const files: TransactionFile[] = []
    for (const sequence of this.sequences) {
      const { subtask } = txn
      const open = this.staging.nameOf(subtask, sequence, 'open')
      const staged = this.staging.nameOf(subtask, sequence, 'ready')
      await this.attempt('rename', open, () => rename(this.path(open), this.path(staged)))
      files.push({ staged, final: this.finalName(subtask, sequence) })
    }
    await this.staging.sync()
    const sequence = this.sequences.at(-1) ?? txn.sequence
    this.sequences = []
    return { ...txn, sequence, files }
  }

  async commit({ subtask, sequence, files }: FileTransaction): Promise<void> {
    if (files.length === 0) return
    const { staging } = this
    await staging.create()
    const staged = await staging.list()
    const done = staged.some((entry) => entry.status === 'done' && isOf(entry, subtask, sequence))
    if (!done) {
      for (const file of files) await publish(this.path(file.staged), this.path(file.final))
      await syncDirectory(this.options.directory)
      // From here on the transaction counts as published, even if somebody takes the files away.
      await staging.markDone(subtask, sequence)
    }
    for (const file of files) await rm(this.path(file.staged), { force: true })
    await this.removeForsaken(files, staged)
  }

  async abort({ subtask, files }: FileTransaction): Promise<void> {
    await this.releaseCurrent()
    const open = this.sequences.map((sequence) => this.staging.nameOf(subtask, sequence, 'open'))
    for (const name of [...open, ...files.map(({ staged }) => staged)])
      await rm(this.path(name), { force: true })
    this.sequences = []
  }

  async close(): Promise<void> {
    await this.releaseCurrent()
  }

  /**
   * Complete files of earlier attempts that the restored checkpoint did not hold. One that it does hold may still
   * be another subtask's to publish; the second commit of this attempt comes after a checkpoint of this attempt,
   * hence after every subtask has published what it was restored with.
   */
  private async removeForsaken(
    files: readonly TransactionFile[],
    staged: readonly StagedEntry[],
  ): Promise<void> {
    const names = new Set(files.map((file) => file.staged))
    if (!staged.some((entry) => this.staging.isOwn(entry) && names.has(entry.name))) return
    this.ownCommits++
    if (this.ownCommits !== 2) return
    const isForsaken = (entry: StagedEntry): boolean =>
      entry.status === 'ready' && !this.staging.isOwn(entry) && this.isInCharge(entry)
    await this.staging.remove(staged.filter(isForsaken))
  }

  private isInCharge({ subtask }: StagedEntry): boolean {
    const { subtaskIndex, parallelism } = this.context
    return subtask === subtaskIndex || (subtask >= parallelism && subtask % parallelism === subtaskIndex)
  }

  private async writeToNextFile(text: string): Promise<void> {
    await this.finishCurrent()
    const sequence = this.nextSequence++
    const name = this.staging.nameOf(this.context.subtaskIndex, sequence, 'open')
    this.sequences.push(sequence)
    this.current = await StagedFile.create(this.path(name))
    await this.current.append(text)
  }

  private async finishCurrent(): Promise<void> {
    await this.current?.finish()
    this.current = undefined
  }

  private async releaseCurrent(): Promise<void> {
    const { current } = this
    this.current = undefined
    await current?.release()
  }

  private async publishedSequences(): Promise<number[]> {
    const { directory, prefix, suffix } = this.options
    const start = `${prefix}-${this.context.subtaskIndex}-`
    const names = await this.attempt('read', '.', () => readdir(directory))
    const published = names.filter((name) => name.startsWith(start) && name.endsWith(suffix))
    return published
      .map((name) => Number(name.slice(start.length, name.length - suffix.length)))
      .filter(Number.isInteger)
  }

  private finalName(subtask: number, sequence: number): string {
    const name = `${this.options.prefix}-${subtask}-${padded(sequence)}${this.options.suffix}`
    assert(padded(sequence).length === padded(0).length, `a sequence number within bounds, got ${sequence}`)
    return name
  }

  private path(name: string): string {
    return join(this.options.directory, name)
  }

  private async attempt<R>(doing: string, name: string, action: () => Promise<R>): Promise<R> {
    try {
      return await action()
    } catch (cause) {
      throw fileError('fileSink', doing, this.path(name), cause)
    }
  }
}

function isOf(entry: StagedEntry, subtask: number, sequence: number): boolean {
  return entry.subtask === subtask && entry.sequence === sequence
}
