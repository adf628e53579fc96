import { queueFunction, type QueueFunction } from './queue-function.ts'
import { handlers } from './runtime.ts'

export const handler: QueueFunction = queueFunction(handlers.coordinator)
