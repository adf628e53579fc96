import { EventBridge } from '@aws-sdk/client-eventbridge'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { awsClients } from '../../../lib/aws/clients.ts'
import { EventBridgeSchedule } from '../../../lib/aws/event-bridge-schedule.ts'
import { adminOptions, environmentOf, startAll, uniqueName } from '../emulators.ts'
import { retrying } from '../table.ts'

let admin: EventBridge
let clients: ReturnType<typeof awsClients>

beforeAll(() => {
  const { endpoint } = startAll()
  admin = new EventBridge(adminOptions(endpoint))
  clients = awsClients(environmentOf(endpoint))
})

afterAll(() => {
  clients.close()
  admin.destroy()
})

describe('EventBridgeSchedule on the emulator at MILLRACE_TEST_ENDPOINT', () => {
  it('turns the rule on and off, as often as it is told', async () => {
    const rule = uniqueName('tick')
    await admin.putRule({ Name: rule, ScheduleExpression: 'rate(1 minute)', State: 'DISABLED' })
    const schedule = new EventBridgeSchedule(clients.events, retrying, () => rule)
    const state = async (): Promise<string | undefined> => (await admin.describeRule({ Name: rule })).State
    await schedule.enable()
    await schedule.enable()
    expect(await state()).toBe('ENABLED')
    await schedule.disable()
    await schedule.disable()
    expect(await state()).toBe('DISABLED')
    await admin.deleteRule({ Name: rule })
  })
})
