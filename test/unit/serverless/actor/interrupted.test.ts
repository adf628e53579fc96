import { describe, expect, test } from 'vitest'
import type { ActorId } from '../../../../lib/model/ids.ts'
import type { Behaviour } from '../../../../lib/serverless/actor/behaviour.ts'
import type { ChannelMessage } from '../../../../lib/serverless/actor/envelope.ts'
import { pack } from '../../../../lib/serverless/actor/packing.ts'
import { NO_FAULTS, Throttled, type Faults } from '../../../world/faults.ts'
import { A, adder, Adders, B, forever, type Addend, type AdderState } from './adder.ts'

// What simulated schedules of failures found, each as small as it gets.

/** From the second request of this name on, they have no effect. */
function refusingLater(name: string): Faults {
  let seen = 0
  return {
    ...NO_FAULTS,
    before: (operation) =>
      operation.name === name && ++seen > 1 ? Promise.reject(new Throttled(operation)) : Promise.resolve(),
  }
}

/** The next on the channel from A to B. */
const message = (attempt: number, sequence: number, payload: ChannelMessage['payload']) => ({
  messageId: `message ${attempt}/${sequence}`,
  envelope: { kind: 'message', to: B, from: A, attempt, sequence, payload } as const,
})

describe('an actor with more to do than its messages ask for', () => {
  test('is told of again where it was interrupted after it had taken them all', async () => {
    const adders = new Adders()
    await adders.begin(A, 1)
    const inTwoTurns: Behaviour<AdderState, Addend> = {
      ...adder(undefined),
      step: ({ state }, inputs) =>
        Promise.resolve({
          taken: inputs.length,
          delta: state.sum < 2 ? { add: 1 } : undefined,
          outgoing: [],
          nudges: [],
          wakeAtMs: undefined,
          more: state.sum < 1,
        }),
    }
    const nudge = adders.nudge(A)
    // The read of the second turn fails: the message of the first is all that can lead to another.
    const interrupted = adders.process(A, inTwoTurns, refusingLater('read'))
    expect(await interrupted.handle([nudge], forever)).toEqual([nudge.messageId])
  })
})

describe('a message whose payload its sender has removed', () => {
  const three = { bytes: pack({ add: 3 }) }

  test('blocks nothing, and what follows on its channel is not taken for it', async () => {
    const adders = new Adders()
    await adders.begin(B, 1)
    // Many at a time: of an attempt that is over, as its receiver has not heard yet.
    const removed = Array.from({ length: 8 }, (_, sender) => {
      const { messageId, envelope } = message(1, 0, { blob: `log/somebody/1-5-payload-000${sender}` })
      return {
        messageId,
        envelope: { ...envelope, from: sender === 0 ? A : (`task:a#${sender}` as ActorId) },
      }
    })
    const request = adders.ask(B, { add: 4 })
    const process = adders.process(B)
    expect(await process.handle([...removed, message(1, 1, three), request], forever)).toEqual([])

    const seen: number[] = []
    const watcher: Behaviour<AdderState, Addend> = {
      ...adder(undefined),
      step: ({ state }, inputs) => {
        seen.push(state.sum)
        const nothing = { delta: undefined, outgoing: [], nudges: [], wakeAtMs: undefined, more: false }
        return Promise.resolve({ ...nothing, taken: inputs.length })
      },
    }
    await adders.process(B, watcher).handle([], forever)
    expect(seen).toEqual([4])
  })
})
