import type { DataStream, DeadLetter, OperatorOptions } from '../../../lib/index.ts'
import type { BlobStore } from '../../../lib/ports/blob-store.ts'
import type { Item, Program } from '../program.ts'

/** Failures at one record before it is set aside. */
export const DEAD_LETTER_AFTER = 2

/** An item that no function can process. */
interface PoisonItem extends Item {
  /** The key of the item that it came with. */
  readonly of: string
}

const comesWithPoison = ({ n, v }: Item): boolean => (n + v) % 6 === 3

const poisonOf = (item: Item): PoisonItem => ({ ...item, key: 'poison', of: item.key })

/** Passes every item on as it is; with some comes poison, which the second of its two operators throws at. */
export function poisoned(stream: DataStream<Item>, index: number, placed: OperatorOptions): DataStream<Item> {
  return stream
    .flatMap((item): Item[] => (comesWithPoison(item) ? [item, poisonOf(item)] : [item]), {
      ...placed,
      uid: `poison-${index}`,
    })
    .map(
      (item) => {
        if (item.key === 'poison') throw new Error('injected: poison')
        return item
      },
      { ...placed, uid: `picky-${index}` },
    )
}

/** All poison is kept, each once; and nothing else is. */
export async function letterProblems(
  { nodes }: Program,
  store: BlobStore,
  delivery: 'once' | 'at-least-once',
): Promise<string[]> {
  const problems: string[] = []
  const published = (await store.list('dead-letters/')).filter((name) => name.endsWith('.jsonl'))
  for (const [index, node] of nodes.entries()) {
    if (node.type !== 'source') continue
    const uid = `picky-${index}`
    const names = published.filter((name) => name.startsWith(`dead-letters/${uid}/`))
    const texts = await Promise.all(
      names.map(async (name) => Buffer.from((await store.get(name))!).toString()),
    )
    const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '')
    const letters = lines.map((line) =>
      nameOf(JSON.parse((JSON.parse(line) as DeadLetter).raw) as PoisonItem),
    )
    const found = delivery === 'once' ? letters : [...new Set(letters)]
    const poison = node.splits.flat().filter(comesWithPoison).map(poisonOf).map(nameOf)
    const expected = delivery === 'once' ? poison : [...new Set(poison)]
    if (found.toSorted().join() !== expected.toSorted().join())
      problems.push(
        `dead letters of ${uid}: expected ${expected.toSorted().join()}, got ${found.toSorted().join()}`,
      )
  }
  const others = published.filter((name) => !/^dead-letters\/picky-\d+\//.test(name))
  if (others.length > 0) problems.push(`dead letters: there are ${others.join()}, which nobody expects`)
  return problems
}

function nameOf({ of, n, v, ts }: PoisonItem): string {
  return `${of} ${n} ${v} ${ts}`
}
