import { describe, expect, test } from 'vitest'
import { removeOldHeads } from '../../../../lib/serverless/actor/head-store.ts'
import { LOG_LIMITS } from '../../../../lib/serverless/actor/limits.ts'
import { sortOf } from '../../../../lib/serverless/actor/log-entry.ts'
import { A, adder, Adders, forever } from './adder.ts'

/** As of a version that is still to come. */
const NEWER = Uint8Array.of(2, 0)

async function begun(): Promise<Adders> {
  const adders = new Adders()
  await adders.begin(A, 1)
  await adders.process(A, adder(undefined)).handle([adders.ask(A, { add: 1 })], forever)
  return adders
}

describe('what newer code wrote is not read by older', () => {
  const place = { attempt: 1, position: 3 }

  test.each([
    {
      what: 'a head',
      write: ({ log }: ReturnType<Adders['world']['ports']>) =>
        log.putHead(A, { version: sortOf(place), body: NEWER }),
    },
    {
      what: 'an entry of the log',
      write: ({ log }: ReturnType<Adders['world']['ports']>) =>
        log.append(A, { sort: sortOf(place), body: NEWER }, LOG_LIMITS.retentionMs),
    },
  ])('$what: its messages come again, until the newer code is there', async ({ write }) => {
    const adders = await begun()
    await write(adders.world.ports())
    const entries = async () => (await adders.world.ports().log.read(A, undefined)).entries.length
    const before = await entries()
    const asked = adders.ask(A, { add: 2 })
    expect(await adders.process(A, adder(undefined)).handle([asked], forever)).toEqual([asked.messageId])
    expect(await entries()).toBe(before)
  })

  test('a head is passed over where others are looked for that are of no use any more', async () => {
    const adders = await begun()
    const ports = adders.world.ports()
    await ports.log.putHead(A, { version: sortOf(place), body: NEWER })
    expect(await removeOldHeads(ports, [A], () => true)).toBe(true)
  })

  test('and the error says so', async () => {
    const adders = await begun()
    await adders.world.ports().log.putHead(A, { version: sortOf(place), body: NEWER })
    const causes: unknown[] = []
    const process = adders.process(A, adder(undefined), undefined, async ({ cause }) => {
      causes.push(cause)
      return true
    })
    await process.handle([adders.nudge(A)], forever)
    expect(String(causes[0])).toMatch(/begins with 2, .* written by newer code/)
  })
})
