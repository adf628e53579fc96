import { expect, test } from 'vitest'
import { decodeRuns, encodeRuns, type ChannelAddress } from '../../../lib/checkpoint/in-flight-elements.ts'
import { Channel } from '../../../lib/embedded/channel.ts'
import { InFlightRecording, type InputChannel } from '../../../lib/embedded/in-flight-recording.ts'
import type { Element } from '../../../lib/model/elements.ts'
import { asCheckpointId } from '../../../lib/model/ids.ts'

const batch = (...values: unknown[]): Element & { kind: 'records' } => ({
  kind: 'records',
  values,
  timestamps: values.map(() => 1),
})
const barrier = (id: number): Element => ({
  kind: 'barrier',
  checkpointId: asCheckpointId(id),
  triggeredAtMs: 0,
})
const watermark: Element = { kind: 'watermark', timestampMs: 5 }

const ignore = (): void => {}

function inputOf(sender: number): InputChannel {
  const address: ChannelAddress = {
    sourceUid: 'map',
    tagId: undefined,
    targetUid: 'count',
    inputIndex: 0,
    sender,
  }
  return { channel: new Channel(ignore, ignore), address }
}

async function valuesOf(recording: InFlightRecording): Promise<unknown[]> {
  const { runs } = (await recording.recorded)!
  return decodeRuns(encodeRuns(runs)).map(({ sender, elements }) => [
    sender,
    ...elements.map((one) => (one.kind === 'records' ? one.values : one.kind)),
  ])
}

test('holds what waits before the barrier, and what comes until it does (invariant 4)', async () => {
  const [early, late, taken] = [inputOf(0), inputOf(1), inputOf(2)]
  for (const element of [batch(1), watermark, barrier(7), batch(2)]) early.channel.push(element)
  for (const element of [barrier(6), batch(3), { kind: 'status', idle: true } as const])
    late.channel.push(element)
  taken.channel.push(barrier(7))
  taken.channel.take()
  taken.channel.push(batch(4))
  const recording = new InFlightRecording(7, [early, late, taken], [])
  // The receiver goes on at once, and changes what it got.
  const values = [{ n: 5 }]
  late.channel.push({ kind: 'records', values, timestamps: [1] })
  for (let i = 0; i < 4; i++) late.channel.take()
  values[0]!.n = 99
  for (const element of [watermark, { kind: 'end' } as const, barrier(7), batch(6)])
    late.channel.push(element)
  expect(await valuesOf(recording)).toEqual([
    [0, [1], 'watermark'],
    [1, [3], [{ n: 5 }], 'watermark'],
  ])
  expect((await recording.recorded)!.records).toBe(3)
  expect(late.channel.take()).toEqual(watermark)
})

test('begins with what an earlier checkpoint gave and is not taken yet', async () => {
  const input = inputOf(0)
  input.channel.push(batch(2))
  const recording = new InFlightRecording(7, [input], [{ ...input.address, elements: [batch(1)] }])
  input.channel.push(barrier(7))
  expect(await valuesOf(recording)).toEqual([
    [0, [1]],
    [0, [2]],
  ])
})

test('comes to nothing when it is cancelled, and keeps nothing of what is sent then', async () => {
  const input = inputOf(0)
  const recording = new InFlightRecording(7, [input], [])
  recording.cancel()
  input.channel.push(batch(() => 1))
  input.channel.push(barrier(8))
  expect(await recording.recorded).toBeUndefined()
})

test('a record that is not plain data is the mistake of its operator, and not of who sends or takes it', async () => {
  const input = inputOf(0)
  const recording = new InFlightRecording(7, [input], [])
  input.channel.push(batch(() => 1))
  expect(input.channel.size).toBe(1)
  await expect(recording.recorded).rejects.toThrow("Operator 'map', state 'records under way'")
})
