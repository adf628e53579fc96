import { createHandlers, type JobHandlers } from '../lib/serverless/handlers.ts'
import { runtime } from './runtime.ts'

/** Of its actors. Apart from the runtime: functions that only take records in are bundled without the engine. */
export const handlers: JobHandlers = createHandlers(runtime)
