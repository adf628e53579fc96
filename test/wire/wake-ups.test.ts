import { afterAll, beforeAll } from 'vitest'
import { wakeUpsContract } from '../contract/wake-ups.ts'
import { SQS_EMULATOR } from './emulators.ts'
import { wakeUpWorld, type WakeUpWorld } from './queue-wake-ups.ts'

let world: WakeUpWorld

beforeAll(async () => {
  world = await wakeUpWorld()
})

afterAll(() => world.stop())

const noSchedule = (): Promise<never> => Promise.reject(new Error('an emulator of SQS has no schedule'))

wakeUpsContract(
  `SqsWakeUps on ${SQS_EMULATOR}`,
  async () => ({
    ...(await world.newWakeUps()),
    schedule: { enable: noSchedule, disable: noSchedule },
    ticks: noSchedule,
  }),
  {
    movesTime: 'an emulator has a clock of its own',
    schedules: 'see EventBridgeSchedule',
  },
)
