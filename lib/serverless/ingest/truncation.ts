import { readOffsets } from '../../connectors/ingest/read-offsets.ts'
import { ingestActor } from '../../model/actors.ts'
import type { ActorId } from '../../model/ids.ts'
import type { OperatorStateSnapshot } from '../../state/operator-state.ts'
import type { IngestRequest } from './ingest-state.ts'

/**
 * What the partitions of an ingest source are to be told when its task may no longer go back behind `state`, its operator
 * state at the oldest checkpoint still needed: entries below are not needed any more.
 */
export function truncationsOf(
  sourceUid: string,
  state: OperatorStateSnapshot,
): readonly { readonly to: ActorId; readonly payload: IngestRequest }[] {
  return readOffsets(state)
    .filter(({ position }) => position > 0)
    .map(({ partition, position }) => ({
      to: ingestActor(sourceUid, partition),
      payload: { type: 'truncate', below: position + 1 },
    }))
}
