import { ID_WINDOW } from '../../../lib/connectors/ingest/id-window.ts'
import { LOG_LIMITS } from '../../../lib/serverless/actor/limits.ts'
import { STATE_LIMITS } from '../../../lib/serverless/state/limits.ts'
import type { Chance } from '../chance.ts'

/** Bounds that are tightened, so that a small job comes up against them. */
export interface TightLimits {
  readonly log: Partial<typeof LOG_LIMITS>
  readonly state: Partial<typeof STATE_LIMITS>
  /** Requests that ingest knows when they are sent again: SQS swallows the repeats of clients that are as quick as these. */
  readonly ids: Partial<typeof ID_WINDOW>
}

export function randomLimits(chance: Chance): Omit<TightLimits, 'ids'> {
  const isLoose = chance.chance(0.2)
  const some = <T>(name: keyof T, ...values: readonly number[]): Partial<T> =>
    isLoose || chance.chance(0.3) ? {} : ({ [name]: chance.pick(values) } as Partial<T>)
  return {
    log: {
      ...some<typeof LOG_LIMITS>('inlineBytes', 300, 1_000, 8_192),
      ...some<typeof LOG_LIMITS>('payloadInlineBytes', 150, 1_000, 8_192),
      ...some<typeof LOG_LIMITS>('tailBytesMax', 500, 5_000),
    },
    state: {
      ...some<typeof STATE_LIMITS>('overlayRowsMax', 0, 5),
      ...some<typeof STATE_LIMITS>('overlayAgeMsMax', 1_000, 20_000),
      ...some<typeof STATE_LIMITS>('pieceRowsMax', 1, 5),
      ...some<typeof STATE_LIMITS>('cleanBytesMax', 0, 300),
      ...some<typeof STATE_LIMITS>('liveBytesMax', 0, 1_000),
      ...some<typeof STATE_LIMITS>('segmentBytes', 100, 1_000),
      ...some<typeof STATE_LIMITS>('indexReadMin', 1, 3),
      ...some<typeof STATE_LIMITS>('indexReadsAtOnce', 1, 3),
      ...some<typeof STATE_LIMITS>('bucketMissesMax', 0, 1),
    },
  }
}

export function randomIds(chance: Chance): TightLimits['ids'] {
  return chance.chance(0.5) ? {} : { idsMax: chance.pick([1, 3]) }
}

/** Tightens the bounds; what it gives puts them back. */
export function tighten({ log, state, ids }: TightLimits): () => void {
  const before = { log: { ...LOG_LIMITS }, state: { ...STATE_LIMITS }, ids: { ...ID_WINDOW } }
  Object.assign(LOG_LIMITS, log)
  Object.assign(STATE_LIMITS, state)
  Object.assign(ID_WINDOW, ids)
  return () => {
    Object.assign(LOG_LIMITS, before.log)
    Object.assign(STATE_LIMITS, before.state)
    Object.assign(ID_WINDOW, before.ids)
  }
}
