import type { Source } from '../stream/source.ts'
import { lineDecoder, type LineDecoding, type LineParse, type LineSchema } from './decode.ts'
import { FILE_DEFAULTS, fileSource, type FileSourceOptions, type FollowOptions } from './file-source.ts'
import { LineParser } from './line-parser.ts'

export interface TextFileOptions extends FileSourceOptions, FollowOptions {}

/**
 * The lines of a file, or of every file in a directory, without their `\n` or `\r\n` and without a byte-order mark;
 * with `parse` or `schema`, what these make of them. A line they refuse, that is not valid in its encoding, or that
 * is too long goes to the dead letters with its position, `file:line`.
 *
 * Order: a file's lines in order; files in order of their paths, dealt to the subtasks. One file is read by one
 * subtask. A directory is listed once, when the job starts; hidden files are left out.
 * Delivery: exactly-once; a checkpoint holds each file's byte offset. Files may not be changed while the job lasts,
 * except that a followed one may grow. A followed file that is truncated, replaced or removed fails the job.
 * Bounded, unless it follows.
 *
 * @throws UserError when the job starts: nothing at `path`, unreadable, or an empty directory.
 */
export function textFile<T>(path: string, options: TextFileOptions & LineSchema<T>): Source<T>
export function textFile<T>(path: string, options: TextFileOptions & LineParse<T>): Source<T>
export function textFile(path: string, options?: TextFileOptions): Source<string>
export function textFile(path: string, options: TextFileOptions & LineDecoding = {}): Source<unknown> {
  return lineSource('textFile', path, options, { decode: lineDecoder(options), skipBlank: false })
}

export function lineSource<T>(
  kind: string,
  path: string,
  options: TextFileOptions,
  lines: { readonly decode: (line: string) => unknown; readonly skipBlank: boolean },
): Source<T> {
  const { encoding = 'utf8', lineBytesMax = FILE_DEFAULTS.lineBytesMax } = options
  const parsing = { ...lines, encoding, lineBytesMax }
  return fileSource(path, options, {
    kind,
    chunkBytes: options.chunkBytes ?? FILE_DEFAULTS.chunkBytes,
    createParser: (split) => new LineParser(split.path, split, parsing),
  })
}
