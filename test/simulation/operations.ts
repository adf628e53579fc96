import type { Item } from './program.ts'

// What the operators of a random job do, apart from where their state is: the job and the computation that it is
// compared with share these, and nothing else.

export function mapped(item: Item): Item {
  return { ...item, v: (item.v * 3 + 1) % 97 }
}

export function kept(item: Item): boolean {
  return (item.v + item.n) % 3 !== 0
}

export function copies(item: Item): Item[] {
  return Array.from({ length: item.v % 3 }, (_, copy) => ({ ...item, v: (item.v + copy * 13) % 97 }))
}

/** Tells the branches of a union apart. */
export function onBranch(item: Item, branch: number): Item {
  return { ...item, key: `${item.key}${branch === 0 ? 'x' : 'y'}` }
}

export function reduced(a: Item, b: Item): Item {
  return { ...b, v: (a.v * 7 + b.v) % 9_973 }
}

/** Every second item, with the one before it. */
export function paired(item: Item, before: Item | undefined): { result: Item[]; next: Item | undefined } {
  if (before === undefined) return { result: [], next: item }
  return { result: [{ ...item, v: before.v * 100 + item.v }], next: undefined }
}

export function counted(key: string, count: number): Item {
  return { key, n: count, v: 0, ts: 0 }
}

export function differing(item: Item, before: Item | undefined): Item {
  return { ...item, v: item.v - (before?.v ?? 0) }
}

export function bucketOf(item: Item, size: number): number {
  return Math.floor(item.ts / size) * size
}

/** A bucket with such an item in it is never told of. */
export function cancelsBucket(item: Item): boolean {
  return item.v % 13 === 0
}

export function isOdd(item: Item): boolean {
  return item.v % 2 === 1
}

/** Of a bucket or window: whatever the order in which its items came. */
export function summary(key: string, start: number, size: number, values: readonly number[]): Item {
  const sum = values.reduce((total, value) => total + value, 0)
  return { key, n: values.length, v: sum, ts: start + size - 1 }
}
