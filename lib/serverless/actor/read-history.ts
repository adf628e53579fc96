import type { ActorId } from '../../model/ids.ts'
import { denialIn } from '../../ports/platform-fault.ts'
import type { JobRuntime } from '../runtime.ts'
import { ObjectGone } from './behaviour.ts'
import { HeadStore, type HeadCodec } from './head-store.ts'
import { History, type Chronicle } from './history.ts'
import { decodeEntries } from './log-entry.ts'

/**
 * All that an actor's log adds up to, for somebody else: nothing that is read is folded.
 * @throws StaleView if the actor folded meanwhile what is being read.
 */
export async function readHistory<State, Delta>(
  actor: ActorId,
  chronicle: Omit<Chronicle<State, Delta>, 'foldable'> & HeadCodec<State>,
  runtime: Pick<JobRuntime, 'log' | 'blobs'>,
): Promise<History<State, Delta>> {
  const heads = new HeadStore(actor, chronicle, runtime)
  const history = new History({ ...chronicle, foldable: () => 0 }, await heads.read())
  let cursor = heads.sortOf(history.current.place)
  for (let more = true; more;) {
    const page = await runtime.log.read(actor, cursor)
    for (const item of await decodeEntries(page.entries, runtime.blobs, isLost)) history.add(item)
    cursor = page.entries.at(-1)?.sort ?? cursor
    more = page.more
  }
  history.assertWhole()
  return history
}

function isLost(cause: unknown): boolean {
  return cause instanceof ObjectGone || denialIn(cause) !== undefined
}
