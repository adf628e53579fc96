import { readFile } from 'node:fs/promises'
import { messageOf, UserError } from '../model/faults.ts'
import type { ReadStatus, Source, SourceOutput, SourceReader, SplitSource } from '../stream/source.ts'
import { valueDecoder, type Decode, type RecordSchema } from './decode.ts'
import { fileError } from './file-errors.ts'
import { listFiles, type DirectoryOptions } from './list-files.ts'

const KIND = 'jsonFile'

export interface JsonFileOptions<T> extends DirectoryOptions {
  /** What each element must be, and what it becomes. Any Standard Schema; synchronous. Default: anything. */
  readonly schema?: RecordSchema<T>
}

interface JsonFileSplit {
  readonly path: string
  readonly index: number
}

/**
 * The elements of a file that is one JSON array, or of every such file in a directory. The whole file is parsed in
 * memory: for large data, use JSON lines. An element that the schema refuses goes to the dead letters with its
 * position, `file[index]`.
 *
 * Order: as in the file; files in order of their paths, dealt to the subtasks. Bounded.
 * Delivery: exactly-once; a checkpoint holds each file's index. Files may not be changed while the job lasts.
 *
 * @throws UserError when the file is missing, unreadable, not JSON, or not an array.
 */
export function jsonFile<T = unknown>(path: string, options: JsonFileOptions<T> = {}): Source<T> {
  const decode = valueDecoder(options.schema)
  const source: SplitSource<unknown, JsonFileSplit> = {
    type: 'splits',
    refusesRecords: true,
    kind: KIND,
    bounded: true,
    machineBound: 'files of this machine',
    async enumerateSplits() {
      const files = await listFiles(KIND, path, options)
      return files.map((file) => ({ path: file, index: 0 }))
    },
    createReader: () => new JsonFileReader(decode),
  }
  return source as Source<T>
}

class JsonFileReader implements SourceReader<unknown, JsonFileSplit> {
  private readonly decode: Decode<unknown, unknown>
  private splits: readonly JsonFileSplit[] = []
  /** The elements of the first split's file, once read. */
  private elements: readonly unknown[] | undefined
  private index = 0
  private path = ''

  constructor(decode: Decode<unknown, unknown>) {
    this.decode = decode
  }

  open(splits: readonly JsonFileSplit[]): void {
    this.splits = splits
  }

  read(out: SourceOutput<unknown>, recordsMax: number): ReadStatus | Promise<ReadStatus> {
    const split = this.splits[0]
    if (split === undefined) return 'end'
    const { elements } = this
    if (elements === undefined) return this.load(split)
    const end = Math.min(this.index + recordsMax, elements.length)
    while (this.index < end) this.emit(out, elements[this.index++])
    if (end < elements.length) return 'more'
    this.splits = this.splits.slice(1)
    this.elements = undefined
    return this.splits.length === 0 ? 'end' : 'more'
  }

  snapshot(): readonly JsonFileSplit[] {
    const [current, ...later] = this.splits
    if (current === undefined || this.elements === undefined) return this.splits
    return [{ path: current.path, index: this.index }, ...later]
  }

  position(): string {
    return this.index === 0 ? this.path : `${this.path}[${this.index - 1}]`
  }

  private emit(out: SourceOutput<unknown>, element: unknown): void {
    let value: unknown
    try {
      value = this.decode(element)
    } catch (cause) {
      if (cause instanceof UserError) throw cause
      out.deadLetter(this.position(), messageOf(cause), JSON.stringify(element))
      return
    }
    out.collect(value)
  }

  private async load({ path, index }: JsonFileSplit): Promise<ReadStatus> {
    const elements = parseArray(path, await readText(path))
    if (elements.length < index) {
      throw new UserError(
        `${KIND}: ${path} was read up to element ${index}, but has only ${elements.length}: it was changed since`,
      )
    }
    this.elements = elements
    this.path = path
    this.index = index
    return 'more'
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw fileError(KIND, 'read', path, cause)
  }
}

function parseArray(path: string, text: string): readonly unknown[] {
  const expected = `${KIND}: expected ${path} to be one JSON array`
  let value: unknown
  try {
    value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch (cause) {
    throw new UserError(`${expected}: ${messageOf(cause)}`, { cause })
  }
  if (!Array.isArray(value)) {
    throw new UserError(
      `${expected}, got ${value === null ? 'null' : typeof value}; for one value a line use jsonLines`,
    )
  }
  return value as readonly unknown[]
}
