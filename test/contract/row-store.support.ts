import { expect } from 'vitest'
import type {
  EarliestTimers,
  RowPartition,
  RowStore,
  RowWrite,
  StoredRow,
} from '../../lib/ports/row-store.ts'
import type { Harness } from './harness.ts'

export interface RowStoreHarness extends Harness {
  readonly rows: RowStore
  /** Epoch milliseconds, by the clock that rows expire by. */
  nowMs(): number
  /** Without the gap `expires`: moves the clock to then, and has vanish whatever may. */
  readonly expireAt?: (atMs: number) => Promise<void>
}

/** `expires`: rows can be made to vanish. */
export type RowStoreCapability = 'expires'

let namespaces = 0
const START = Date.now().toString(36)

/** Of a namespace that no other case uses. */
export const newPartition = (operatorUid = 'count', keyGroup = 3): RowPartition => ({
  namespace: `contract-${START}-${++namespaces}`,
  operatorUid,
  keyGroup,
})

export const NO_TIMERS: EarliestTimers = { eventMs: undefined, processingMs: undefined }

/** A write of text, or of bytes; undefined: the row is gone. */
export function rowWrite(
  partition: RowPartition,
  rowKey: string,
  position: number,
  payload: string | Uint8Array | undefined,
  more: { readonly timers?: Partial<EarliestTimers>; readonly expiresAtMs?: number } = {},
): RowWrite {
  return {
    partition,
    rowKey,
    position,
    payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
    expiresAtMs: more.expiresAtMs ?? Infinity,
    timers: { ...NO_TIMERS, ...more.timers },
  }
}

/** A row of text as a word: `payload@position`. */
export const shown = (row: StoredRow | undefined): string | undefined =>
  row && `${new TextDecoder().decode(row.payload)}@${row.position}`

export async function shownRow(
  rows: RowStore,
  partition: RowPartition,
  rowKey: string,
): Promise<string | undefined> {
  return shown((await rows.get([{ partition, rowKey }]))[0])
}

/** All rows of a partition that sort after a key, over all pages. */
export async function scanAll(rows: RowStore, partition: RowPartition, after?: string): Promise<StoredRow[]> {
  const all: StoredRow[] = []
  for (let last = after; ; last = all.at(-1)!.rowKey) {
    const page = await rows.scan(partition, last)
    all.push(...page.rows)
    if (!page.more) return all
    expect(page.rows).not.toHaveLength(0)
  }
}

const LONG = 20_000

/** Keys that an adapter may trip over. Each is another. */
export const ODD_KEYS: readonly string[] = [
  ' ',
  '#',
  '##',
  '%',
  '%23',
  'a#b',
  'a/b',
  'a\\b',
  '"quoted"',
  'line\nbreak',
  '\0',
  'a\0',
  'a\0b',
  '!head',
  'true',
  '0',
  'é',
  'e\u0301',
  'ÿ',
  'ß',
  '漢字',
  'مفتاح',
  '\u2028',
  '\uD7FF',
  '\uE000',
  '\uE000 ',
  '\uF8FF',
  '\uFFFD',
  '\uFFFF',
  '😀',
  '😀😀',
  '👨‍👩‍👧',
  '\u{10FFFF}',
  '\uD83D',
  '\uDE00',
  '\uDE00\uD83D',
]

/** Keys of which nothing but the end, or the middle, tells them apart. */
export const LONG_KEYS: readonly string[] = [
  'k'.repeat(LONG),
  `${'k'.repeat(LONG - 1)}l`,
  `${'k'.repeat(LONG / 2)}l${'k'.repeat(LONG / 2 - 1)}`,
  'k'.repeat(LONG - 1),
  'k'.repeat(1000),
  'k'.repeat(1024),
  '漢'.repeat(LONG),
  `${'漢'.repeat(LONG - 1)}字`,
  '😀'.repeat(LONG / 2),
  `${'😀'.repeat(LONG / 2 - 1)}😁`,
]
