import { MemoryOutside } from '../world/memory-outside.ts'
import { outsideQueueContract } from './outside-queue.ts'
import { outsideTableContract } from './outside-table.ts'

outsideTableContract('tables of MemoryOutside', () => {
  const outside = new MemoryOutside()
  return Promise.resolve({
    table: outside.table('t'),
    item: (id) => Promise.resolve(outside.items.get(`t ${JSON.stringify(id)}`)?.item),
    close: () => Promise.resolve(),
  })
})

outsideQueueContract('queues of MemoryOutside', () => {
  const outside = new MemoryOutside()
  return Promise.resolve({
    standard: outside.queue('standard'),
    fifo: outside.queue('fifo'),
    received: (queue) => Promise.resolve(outside.bodies(queue)),
    close: () => Promise.resolve(),
  })
})
