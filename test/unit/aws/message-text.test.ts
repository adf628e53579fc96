import { describe, expect, it } from 'vitest'

import { bodyOfMessageText, decodeMessageText, encodeMessageText } from '../../../lib/aws/message-text.ts'

const BYTES = Uint8Array.of(1, 0, 255, 62, 63)

describe('the text of a message', () => {
  it.each([undefined, '', 'no “envelope”'])('gives back the bytes, and the reason %j', (reason) => {
    const { body, ...rest } = decodeMessageText(encodeMessageText(BYTES, reason))
    expect([[...body], rest]).toEqual([[...BYTES], { reason }])
  })

  it.each([
    '{ "sensor": "a", "celsius": 21.5 }',
    '[1.5]',
    'hello world',
    'sensor.celsius',
    'Grüße',
    '!!!',
    'AQ',
    'AQ==\n',
    'AR==',
    '',
  ])('that is none of ours is its own bytes: %j', (text) => {
    const { body, reason } = decodeMessageText(text)
    expect([Buffer.from(body).toString(), reason]).toEqual([text, undefined])
    expect(Buffer.from(bodyOfMessageText(text)).toString()).toBe(text)
  })

  it('is none of ours in a mailbox, where it has a reason', () => {
    expect(Buffer.from(bodyOfMessageText('test.data')).toString()).toBe('test.data')
    expect([...bodyOfMessageText(encodeMessageText(BYTES))]).toEqual([...BYTES])
  })
})
