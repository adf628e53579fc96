import picocolors from 'picocolors'
import { number } from './number.ts'
import type { CountsRead } from './read-counts.ts'
import type { Screen } from './screen.ts'

const { bold, cyan, dim, green, red } = picocolors

const BAR_WIDTH = 40

export function showTopWords(screen: Screen, totals: ReadonlyMap<string, number>): void {
  const top = [...totals].toSorted(([, a], [, b]) => b - a).slice(0, 8)
  const most = top[0]?.[1] ?? 1
  for (const [word, count] of top) {
    const bar = cyan('█'.repeat(Math.round((count / most) * BAR_WIDTH)))
    screen.line(`  ${word.padStart(8)} ${number(count).padStart(7)} ${bar}`)
  }
}

/** Holds the job's counts against the right ones. Returns whether they are equal. */
export function showVerdict(
  screen: Screen,
  counts: CountsRead,
  expected: ReadonlyMap<string, number>,
): boolean {
  const words = new Set([...counts.totals.keys(), ...expected.keys()])
  const wrong = [...words].filter((word) => counts.totals.get(word) !== expected.get(word))
  const rows: readonly (readonly [what: string, found: number, right: number])[] = [
    ['words', counts.lines, [...expected.values()].reduce((a, b) => a + b, 0)],
    ['distinct words', counts.totals.size, expected.size],
    ['words with another count', wrong.length, 0],
    ['counts lost or repeated', counts.missteps.length, 0],
  ]
  screen.line(dim(`  ${''.padEnd(26)}${'the job'.padStart(10)}${'plain loop'.padStart(14)}`))
  for (const [what, found, right] of rows) {
    const mark = found === right ? green('✓') : red('✗')
    screen.line(`  ${what.padEnd(26)}${number(found).padStart(10)}${number(right).padStart(14)}  ${mark}`)
  }
  const equal = rows.every(([, found, right]) => found === right)
  const total = `${number(counts.lines)} words, ${number(counts.totals.size)} distinct`
  const sentence = equal
    ? green(`The counts are equal: ${total}.`)
    : red(`The counts differ: ${total}. Wrong are, among others: ${wrong.slice(0, 5).join(', ')}.`)
  screen.line()
  screen.line(`  ${bold(sentence)}`)
  return equal
}
