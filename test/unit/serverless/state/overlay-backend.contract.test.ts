import { stateBackendContract } from '../../../contract/state-backend.contract.ts'
import { overlayContractBackends } from './overlay-contract.ts'

stateBackendContract('overlay', overlayContractBackends({ materializes: false }))
stateBackendContract(
  'overlay, materialized after every batch',
  overlayContractBackends({ materializes: true }),
)
