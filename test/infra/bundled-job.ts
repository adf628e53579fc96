import { jobWithEverything } from './jobs.ts'

/** The module that bundles are made with. */
export default jobWithEverything()
