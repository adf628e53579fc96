export type { TextEncoding } from './block.ts'
export { collect, collectSink, type CollectSink } from './collect.ts'
export { collection } from './collection.ts'
export { csv, type CsvColumnsOption, type CsvOptions, type CsvSchemaOption } from './csv.ts'
export { deadLetterFile } from './dead-letter-file.ts'
export type { LineParse, LineSchema, RecordSchema } from './decode.ts'
export { discard, type DiscardSink } from './discard.ts'
export type { FileTransaction } from './file-committer.ts'
export { fileSink, type FileSinkOptions } from './file-sink.ts'
export type { FileSourceOptions, FollowOptions } from './file-source.ts'
export { generator, type GeneratorOptions } from './generator.ts'
export { jsonFile, type JsonFileOptions } from './json-file.ts'
export { jsonLines, type JsonLinesOptions } from './json-lines.ts'
export type { DirectoryOptions } from './list-files.ts'
export { print, type PrintOptions } from './print.ts'
export { socketText, type SocketTextOptions } from './socket-text.ts'
export { textFile, type TextFileOptions } from './text-file.ts'
export {
  transactionalCollect,
  type CollectTransaction,
  type TransactionalCollectSink,
} from './transactional-collect.ts'
