import { handlers } from './handlers.ts'
import { queueFunction, type QueueFunction } from './queue-function.ts'

export const handler: QueueFunction = queueFunction(handlers.coordinator)
