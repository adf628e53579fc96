import type { SourceOutput } from '../stream/source.ts'
import type { Block, Place } from './block.ts'

/** Finds the records in a file's bytes and emits them. */
export interface BlockParser {
  readonly block: Block
  /**
   * Emits what is complete in `block`, at most `recordsMax` records. Less than that: it needs more bytes. Dead
   * letters and lines that are no records count too.
   */
  emit(out: SourceOutput<unknown>, recordsMax: number): number
  /** Where the first record not yet emitted begins. */
  place(): Place & { readonly columns?: readonly string[] }
  /** Line number of the record emitted last. */
  lastLine(): number
}
