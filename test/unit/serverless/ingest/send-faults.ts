import { NO_FAULTS, type EntryFate, type Faults } from '../../../world/faults.ts'

/** Refuses a number of messages, or loses the answers to them, after `skip` that go well. */
export function failingSends(failures: number, skip = 0, fate: EntryFate = 'refused'): Faults {
  let count = 0
  return {
    ...NO_FAULTS,
    entry: () => {
      count++
      return count > skip && count <= skip + failures ? fate : 'done'
    },
  }
}
