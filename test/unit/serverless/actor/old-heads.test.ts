import { expect, test } from 'vitest'
import type { ActorId } from '../../../../lib/model/ids.ts'
import { removeOldHeads } from '../../../../lib/serverless/actor/head-store.ts'
import { actorFolder, sortOf } from '../../../../lib/serverless/actor/log-entry.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { MemoryWorld } from '../../../world/memory-world.ts'

const IN_BLOB = 1
const actor = 'task:count#0' as ActorId
const other = 'task:count#1' as ActorId

const versionOf = (position: number): string => sortOf({ attempt: 2, position })

/** Objects of the heads of two actors; the second has no head yet. */
async function twoActors() {
  const { blobs, log } = new MemoryWorld({ clock: new ManualClock() }).ports()
  const put = async (of: ActorId, position: number, hash: string): Promise<string> => {
    const name = `heads/${actorFolder(of)}/${versionOf(position).replaceAll('#', '-')}-${hash}`
    await blobs.putIfAbsent(name, Uint8Array.of(1))
    return name
  }
  await put(actor, 3, 'replaced')
  await put(actor, 7, 'came-second')
  const head = await put(actor, 7, 'head')
  // Its process may be about to make it the head, or be dead.
  const next = await put(actor, 9, 'next')
  const unknown = await put(other, 3, 'no-head-yet')
  const body = new Uint8Array([IN_BLOB, ...new TextEncoder().encode(head)])
  await log.putHead(actor, { version: versionOf(7), body })
  return { blobs, log, needed: [head, next, unknown].toSorted() }
}

test('objects of heads go where the head of their actor is as new, and another', async () => {
  const { blobs, log, needed } = await twoActors()
  expect(await removeOldHeads({ blobs, log }, [actor, other], () => true)).toBe(true)
  expect(await blobs.list('')).toEqual(needed)
})

test.each([0, 1, 2, 3, 4])('those that there is no time for stay: %i looks at the clock', async (looks) => {
  const { blobs, log, needed } = await twoActors()
  const before = await blobs.list('')
  let left = looks
  expect(await removeOldHeads({ blobs, log }, [actor, other], () => left-- > 0)).toBe(false)
  const stay = await blobs.list('')
  expect(stay).toEqual(expect.arrayContaining(needed))
  expect(stay).toHaveLength(before.length - Math.max(0, looks - 2))
  expect(await removeOldHeads({ blobs, log }, [actor, other], () => true)).toBe(true)
  expect(await blobs.list('')).toEqual(needed)
})
