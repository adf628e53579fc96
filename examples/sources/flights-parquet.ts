import { decompress } from 'fzstd'
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  type AsyncBuffer,
  type FileMetaData,
} from 'hyparquet'
import type { SplitSource } from 'millrace'

export interface Flight {
  readonly origin: string
  /** Scheduled departure, epoch milliseconds; local times, read as if they were UTC. */
  readonly departure: number
  /** Minutes; below zero if early. */
  readonly delay: number
}

/** What is left to read of a row group: rows `next` to `end`, the last not included, counted from the file's first. */
interface RowGroup {
  readonly next: number
  readonly end: number
}

interface ParquetFile {
  readonly file: AsyncBuffer
  readonly metadata: FileMetaData
}

/**
 * The flights of a Parquet file with the columns date, delay and origin. Its row groups are the splits: they are
 * dealt to the subtasks, and a checkpoint holds the row that each has come to.
 */
export function flightsParquet(path: string): SplitSource<Flight, RowGroup> {
  return {
    type: 'splits',
    kind: 'flights parquet',
    bounded: true,

    async enumerateSplits() {
      const { metadata } = await openParquet(path)
      let next = 0
      return metadata.row_groups.map((group) => {
        const split = { next, end: next + Number(group.num_rows) }
        next = split.end
        return split
      })
    },

    createReader() {
      let parquet: ParquetFile
      let groups: readonly RowGroup[] = []
      /** Of the first group; empty until they are read. */
      let rows: readonly Flight[] = []
      return {
        async open(splits) {
          groups = splits
          parquet = await openParquet(path)
        },

        read(out, recordsMax) {
          const [group, ...later] = groups
          if (group === undefined) return 'end'
          if (rows.length === 0) {
            return readFlights(parquet, group).then((read) => {
              rows = read
              return 'more'
            })
          }
          const from = rows.length - (group.end - group.next)
          const to = Math.min(from + recordsMax, rows.length)
          for (let row = from; row < to; row++) out.collect(rows[row]!)
          if (to < rows.length) {
            groups = [{ next: group.next + to - from, end: group.end }, ...later]
          } else {
            groups = later
            rows = []
          }
          return 'more'
        },

        snapshot: () => groups,

        position: () => (groups[0] === undefined ? path : `${path}, row ${groups[0].next - 1}`),
      }
    },
  }
}

async function openParquet(path: string): Promise<ParquetFile> {
  const file = await asyncBufferFromFile(path)
  return { file, metadata: await parquetMetadataAsync(file) }
}

async function readFlights(parquet: ParquetFile, { next, end }: RowGroup): Promise<Flight[]> {
  const rows = await parquetReadObjects({
    ...parquet,
    columns: ['date', 'delay', 'origin'],
    rowStart: next,
    rowEnd: end,
    compressors: { ZSTD: (bytes, length) => decompress(bytes, new Uint8Array(length)) },
  })
  return rows.map(({ date, delay, origin }) => ({
    origin: origin as string,
    departure: (date as Date).getTime(),
    delay: Number(delay),
  }))
}
