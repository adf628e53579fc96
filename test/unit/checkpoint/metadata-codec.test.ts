import { describe, expect, it } from 'vitest'
import type { CheckpointRecord } from '../../../lib/checkpoint/checkpoint-record.ts'
import { decodeMetadata, encodeMetadata } from '../../../lib/checkpoint/metadata-codec.ts'
import { UserError } from '../../../lib/model/faults.ts'
import type { TaskId } from '../../../lib/model/ids.ts'
import { handle, recordOf, sha256 } from './record-fixtures.ts'

const PATH = 'checkpoints/jumps/r1/chk-3/_metadata'
const record = recordOf(3, [handle('a'), handle('b', 5, 9)])
const bytes = (): Uint8Array => encodeMetadata(record, sha256)
const decode = (damaged: Uint8Array) => () => decodeMetadata(damaged, PATH, sha256)

describe('metadata', () => {
  it('comes back as it was, infinities and bytes too', () => {
    expect(decodeMetadata(bytes(), PATH, sha256)).toEqual(record)
  })

  it('is the same for the same record', () => {
    expect(encodeMetadata(structuredClone(record), sha256)).toEqual(bytes())
  })

  it.each([
    ['another file', () => new TextEncoder().encode('{"a": 1}'), 'not a Millrace checkpoint'],
    ['nothing', () => new Uint8Array(), 'not a Millrace checkpoint'],
    [
      'a file cut off in its head',
      () => bytes().slice(0, 20),
      'truncated: expected at least 44 bytes, got 20',
    ],
    ['a file cut off', () => bytes().slice(0, -1), /truncated: expected \d+ bytes, got \d+/],
    ['a file with something after it', () => Uint8Array.from([...bytes(), 0]), 'overlong'],
    [
      'a newer format',
      () => bytes().with(4, 2),
      'expected format version 1, got 2.* or use the newer Millrace',
    ],
    [
      'a flipped bit',
      () => bytes().with(100, bytes()[100]! ^ 1),
      'damaged: expected SHA-256 [0-9a-f]{64}, got',
    ],
    ['a damaged digest', () => bytes().with(15, bytes()[15]! ^ 1), 'damaged'],
  ])('is refused for %s, with its path and what to do', (_, make, message) => {
    expect(decode(make())).toThrow(UserError)
    expect(decode(make())).toThrow(new RegExp(message))
    expect(decode(make())).toThrow(PATH)
    expect(decode(make())).toThrow('Restore from another checkpoint or savepoint')
  })

  it('is refused at every single flipped byte', () => {
    const whole = bytes()
    // The two bytes after the version are kept free, and mean nothing.
    for (const index of whole.keys()) {
      if (index === 6 || index === 7) continue
      expect(decode(whole.with(index, whole[index]! ^ 0x10))).toThrow(UserError)
    }
  })

  const broken: readonly [string, Partial<CheckpointRecord>][] = [
    ['checkpointId', { checkpointId: 0 as never }],
    ['attempt', { attempt: 1.5 }],
    ['completedAtMs', { completedAtMs: 0 }],
    ['jobName', { jobName: '' }],
    ['kind', { kind: 'backup' as never }],
    ['operators: expected each uid once', { operators: [record.operators[0]!, record.operators[0]!] }],
    ['vertices[0].subtasks', { vertices: [{ ...record.vertices[0]!, parallelism: 2 }] }],
    ['segments[0].keyGroups', recordOf(3, [handle('a', 3, 128)])],
    ['segments[0].sha256', recordOf(3, [{ ...handle('a'), sha256: 'abc' }])],
    [
      'logs: expected a position for each task',
      { logs: { ['jump#0' as TaskId]: { attempt: 1, position: 4 } } },
    ],
    ['logs.jump#0.position', { logs: { ['jump#0' as TaskId]: { attempt: 1, position: 0 } } }],
    ['logs: expected an object', { logs: 3 as never }],
    ['segments[0].offsetBytes', recordOf(3, [{ ...handle('a'), offsetBytes: -1 }])],
  ]
  it.each(broken)('is not written with a wrong %s', (place, changes) => {
    expect(() => encodeMetadata({ ...record, ...changes }, sha256)).toThrow(place)
  })
})
