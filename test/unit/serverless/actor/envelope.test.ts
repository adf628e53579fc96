import { describe, expect, test } from 'vitest'

import { COORDINATOR } from '../../../../lib/model/actors.ts'
import type { ActorId } from '../../../../lib/model/ids.ts'
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeNudge,
  PoisonMessage,
} from '../../../../lib/serverless/actor/envelope.ts'

describe('bytes that are no envelope', () => {
  test.each([
    ['JSON', Buffer.from('{ "sensor": "a" }'), /no message of Millrace/],
    ['text that begins with a line break', Buffer.from('\n{}'), /no message of Millrace/],
    ['text that begins with a tab', Buffer.from('\ttext'), /no message of Millrace/],
    ['bytes of another kind', Uint8Array.of(0, 1, 2), /no message of Millrace/],
    ['nothing', new Uint8Array(0), /an empty message/],
    ['an envelope that is cut', encodeNudge(COORDINATOR, 5).subarray(0, 3), /bytes that are none/],
  ])('are refused for what they are: %s', (_name, bytes, reason) => {
    expect(() => decodeEnvelope(bytes)).toThrow(PoisonMessage)
    expect(() => decodeEnvelope(bytes)).toThrow(reason)
    expect(() => decodeEnvelope(bytes)).not.toThrow(/newer/)
  })

  test.each(['nonsense', '', 'tasks:count#0'])(
    'are refused where they are for nobody, or from nobody: %j',
    (name) => {
      const nobody = name as ActorId
      for (const envelope of [
        { kind: 'nudge', to: nobody, wakeUpAtMs: undefined },
        { kind: 'resend', to: COORDINATOR, from: nobody, attempt: 1, next: 0 },
        { kind: 'gone', to: COORDINATOR, from: nobody, attempt: 1, next: 0 },
        { kind: 'message', to: COORDINATOR, from: nobody, attempt: 1, sequence: 0, payload: { blob: 'x' } },
      ] as const)
        expect(() => decodeEnvelope(encodeEnvelope(envelope))).toThrow(/data of another shape/)
    },
  )

  test('are told of as newer where they begin as a later version would', () => {
    const bytes = encodeNudge(COORDINATOR, 5)
    bytes[0] = 2
    expect(() => decodeEnvelope(bytes)).toThrow(/version 2 of one: it was written by newer code/)
  })
})
