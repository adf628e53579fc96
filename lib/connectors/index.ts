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
export { http, type HttpOptions } from './http.ts'
export { httpPost, type HttpBatchOptions, type HttpPostOptions, type HttpSingleOptions } from './http-post.ts'
export type { IngestOptions } from './ingest-source.ts'
export { jsonFile, type JsonFileOptions } from './json-file.ts'
export { jsonLines, type JsonLinesOptions } from './json-lines.ts'
export type { DirectoryOptions } from './list-files.ts'
export type { LineFormat } from './line-format.ts'
export type { ObjectTransaction } from './object-committer.ts'
export { print, type PrintOptions } from './print.ts'
export { s3Files, type S3FilesOptions } from './s3-files.ts'
export { socketText, type SocketTextOptions } from './socket-text.ts'
export { sqs, type SqsOptions } from './sqs.ts'
export {
  sqsQueue,
  type FifoQueueOptions,
  type SqsQueueOptions,
  type StandardQueueOptions,
} from './sqs-queue.ts'
export { table, type TableOptions } from './table.ts'
export { textFile, type TextFileOptions } from './text-file.ts'
export {
  transactionalCollect,
  type CollectTransaction,
  type TransactionalCollectSink,
} from './transactional-collect.ts'
