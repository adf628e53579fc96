import * as fc from '../../../fast-check.ts'
import { expect, test } from 'vitest'
import {
  applyKeyed,
  decodeKeyed,
  emptyKeyedImage,
  encodeKeyed,
  restoredKeyedImage,
} from '../../../../lib/serverless/state/keyed-image.ts'
import { bytesOf, Overlay } from '../../../../lib/serverless/state/overlay.ts'
import { rowChange, type OverlayRow } from '../../../../lib/serverless/state/row-change.ts'
import { parseRowKey, rowKeyOf } from '../../../../lib/serverless/state/row-key.ts'
import { TimerBounds } from '../../../../lib/serverless/state/timer-bounds.ts'
import { pack, unpack } from '../../../../lib/serverless/actor/packing.ts'
import { keyGroupRange } from '../../../../lib/model/key-groups.ts'

const turn = fc.record({
  rows: fc.array(fc.tuple(fc.constantFrom('x', 'y'), fc.integer({ min: 0, max: 30 }), fc.boolean()), {
    maxLength: 20,
  }),
  /** Materialized up to this part of the positions. */
  through: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 4 }),
})

test('an overlay is the last version of each row that changed after a position, whatever is merged', () => {
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
      let overlay = Overlay.empty
      const model = new Map<string, readonly [uid: string, row: OverlayRow]>()
      const earlier: (readonly [Overlay, string])[] = []
      turns.forEach(({ rows, through }, i) => {
        const position = i + 1
        const changes = rows.map(([uid, key, isGone]) =>
          rowChange(uid, key % 4, `${key}`, isGone ? undefined : new Uint8Array(key), key * 10, {
            eventMs: key % 5 === 0 ? key : undefined,
            processingMs: undefined,
          }),
        )
        earlier.push([overlay, told(overlay)])
        overlay = overlay.with(changes, position)
        for (const change of changes) {
          const [uid, keyGroup, rowKey, payload, expiresAtMs = 0, eventMs] = change
          model.set(`${uid}/${rowKey}`, [
            uid,
            {
              keyGroup,
              rowKey,
              payload: payload ?? undefined,
              position,
              expiresAtMs,
              timers: { eventMs: eventMs ?? undefined, processingMs: undefined },
            },
          ])
        }
        if (through === null) return
        const upTo = Math.floor(position * through)
        overlay = overlay.withoutUpTo(upTo)
        for (const [name, [, row]] of model) if (row.position <= upTo) model.delete(name)
      })
      const expected = [...model.values()]
      expect([...overlay.entries()].toSorted(byName)).toEqual(expected.toSorted(byName))
      expect(overlay.size).toBe(expected.length)
      expect(overlay.bytes).toBe(expected.reduce((sum, [, row]) => sum + bytesOf(row), 0))
      for (const [uid, row] of expected) expect(overlay.get(uid, row.rowKey)).toEqual(row)
      expect(overlay.get('x', 'absent')).toBeUndefined()
      const positions = [...overlay.changed(3, 20)].map(([, row]) => row.position)
      expect(positions).toEqual(
        expected
          .map(([, row]) => row.position)
          .filter((at) => at > 3 && at <= 20)
          .toSorted((a, b) => a - b),
      )
      for (const [old, then] of earlier) expect(told(old)).toBe(then)
    }),
  )
})

const byName = (a: readonly [string, OverlayRow], b: readonly [string, OverlayRow]): number =>
  `${a[0]}/${a[1].rowKey}` < `${b[0]}/${b[1].rowKey}` ? -1 : 1

function told(overlay: Overlay): string {
  return JSON.stringify([overlay.size, overlay.bytes, [...overlay.entries()].toSorted(byName)])
}

test('a turn of one row on many is cheap: few layers, and most of them shared', () => {
  let overlay = Overlay.empty
  for (let position = 1; position <= 20_000; position++) {
    overlay = overlay.with([rowChange('x', 0, `${position % 7_000}`, undefined)], position)
  }
  expect(overlay.size).toBe(7_000)
  expect(overlay.get('x', '6999')?.position).toBe(13_999 + 0)
})

test('an image passes through bytes unchanged', () => {
  let image = applyKeyed(restoredKeyedImage(5), { rows: [] }, 7)
  image = applyKeyed(
    image,
    {
      rows: [
        rowChange('x', 1, '"a"', Uint8Array.of(1, 2), 1_000),
        rowChange('x', 2, '"b"', undefined),
        rowChange('y', 3, '"c"', Uint8Array.of(3), Infinity, { eventMs: -5.5, processingMs: undefined }),
        rowChange('y', 3, '"d"', Uint8Array.of(3), Infinity, { eventMs: undefined, processingMs: Infinity }),
      ],
    },
    8,
  )
  image = applyKeyed(
    image,
    {
      rows: [rowChange('x', 1, '"e"', Uint8Array.of(9))],
      materialized: {
        through: 6,
        finishedAtMs: 77,
        lowered: [
          ['y', 'event', 3, Infinity],
          ['x', 'processing', 1, 4],
        ],
        raised: [['x', 'event', 1, null]],
      },
    },
    9,
  )
  const decoded = decodeKeyed(unpack(pack(encodeKeyed(image))))
  expect([...decoded.overlay.entries()]).toEqual([...image.overlay.entries()])
  expect(decoded.bounds).toEqual(image.bounds)
  expect(decoded).toMatchObject({ materializedThrough: 6, materializedAtMs: 77 })
  expect(decoded.overlay).toMatchObject({ size: 5, bytes: image.overlay.bytes, position: 9 })
  expect(encodeKeyed(decodeKeyed(encodeKeyed(emptyKeyedImage)))).toEqual(encodeKeyed(emptyKeyedImage))
})

test('materialization never goes back, nor past the turn that tells of it', () => {
  const image = applyKeyed(emptyKeyedImage, { rows: [], materialized: { through: 4, lowered: [] } }, 6)
  expect(() => applyKeyed(image, { rows: [], materialized: { through: 3, lowered: [] } }, 7)).toThrow(
    'materialized through 3 at 7, after 4',
  )
  expect(() => applyKeyed(image, { rows: [], materialized: { through: 7, lowered: [] } }, 7)).toThrow(
    'materialized through 7 at 7',
  )
})

test('bounds of timers: lowered by what is added, raised by what was read, unknown until it was', () => {
  const all = keyGroupRange(4, 1, 0)
  const some = TimerBounds.none.lowered([
    ['x', 'event', 1, 50],
    ['x', 'event', 2, 70],
    ['x', 'event', 1, 60],
  ])
  expect(some.earliest('x', 'event', all)).toBe(50)
  expect(some.earliest('x', 'event', { ...all, first: 2 as never })).toBe(70)
  expect(some.earliest('x', 'processing', all)).toBeUndefined()
  const raised = some.raised([
    ['x', 'event', 1, 90],
    ['x', 'event', 2, 60],
  ])
  expect([1, 2, 3].map((keyGroup) => raised.get('x', 'event', keyGroup))).toEqual([90, 70, undefined])
  expect(raised.raised([['x', 'event', 2, null]]).earliest('x', 'event', all)).toBe(90)
  expect(
    raised
      .raised([['x', 'event', 1, null]])
      .lowered([['x', 'event', 1, 95]])
      .get('x', 'event', 1),
  ).toBe(95)
  const unknown = TimerBounds.unknown.raised([
    ['x', 'event', 0, 10],
    ['x', 'event', 1, null],
  ])
  expect(unknown.earliest('x', 'event', all)).toBe(-Infinity)
  expect(unknown.earliest('x', 'event', keyGroupRange(4, 2, 0))).toBe(10)
  expect(unknown.lowered([['x', 'event', 3, 5]]).get('x', 'event', 3)).toBe(-Infinity)
  expect(TimerBounds.decode(unknown.encode())).toEqual(unknown)
})

test('row keys tell keys and buckets apart, and sort a key before its buckets', () => {
  const names = [
    { keyText: '"a"', state: undefined, bucket: 0 },
    { keyText: '"a"', state: 'm', bucket: 12 },
    { keyText: '1', state: 'with spaces', bucket: 0 },
  ]
  for (const name of names) expect(parseRowKey(rowKeyOf(name))).toEqual(name)
  const keys = ['1', '12', '2'].flatMap((keyText) => [
    rowKeyOf({ keyText, state: undefined, bucket: 0 }),
    rowKeyOf({ keyText, state: 'm', bucket: 0 }),
  ])
  expect(keys.toSorted()).toEqual(keys)
})
