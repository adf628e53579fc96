import { afterEach, describe } from 'vitest'
import type { KeyedStateBackendFactory } from '../../lib/state/keyed-backend.ts'
import { stateKinds } from './state-backend.kinds.ts'
import { largeState } from './state-backend.large.ts'
import { anyHistory } from './state-backend.histories.ts'
import { snapshots } from './state-backend.snapshots.ts'
import { SubjectMaker } from './state-backend.support.ts'
import { timers } from './state-backend.timers.ts'
import { timeToLive } from './state-backend.ttl.ts'

/** What every keyed state backend promises. */
export function stateBackendContract(name: string, factory: KeyedStateBackendFactory): void {
  describe(`keyed state: ${name}`, () => {
    const maker = new SubjectMaker(factory)
    afterEach(() => maker.closeAll())
    stateKinds(maker)
    timeToLive(maker)
    timers(maker)
    snapshots(maker)
    largeState(maker)
    anyHistory(maker)
  })
}
