import { heapBackends } from '../../lib/state/heap-backend.ts'
import { stateBackendContract } from './state-backend.contract.ts'

stateBackendContract('heap', heapBackends)
