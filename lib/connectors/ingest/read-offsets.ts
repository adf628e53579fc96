import { SPLITS_STATE } from '../../operators/split-source.ts'
import { decodeValue } from '../../state/codec.ts'
import type { OperatorStateSnapshot } from '../../state/operator-state.ts'
import type { IngestSplit } from '../ingest-reader.ts'

/** How far an ingest source had read each of its partitions, by the state it had then. */
export function readOffsets(state: OperatorStateSnapshot): readonly IngestSplit[] {
  return (state[SPLITS_STATE]?.items ?? []).map((item) => decodeValue(item) as IngestSplit)
}
