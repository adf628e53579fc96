import { describe, expect, test } from 'vitest'
import { ChangedRows } from '../../../lib/state/rows/changed-rows.ts'
import { DIRTY, FORGOTTEN, Row } from '../../../lib/state/rows/row.ts'

describe('the list of changed rows', () => {
  test('hands over each row once, without forgotten ones', () => {
    const changed = new ChangedRows()
    const rows = ['a', 'b', 'c'].map((key) => new Row(key, key, 0))
    for (const row of rows) changed.add(row)
    rows[1]!.flags |= FORGOTTEN
    changed.forgot()
    expect(changed.take()).toEqual([rows[0], rows[2]])
    expect(rows[0]!.flags & DIRTY).toBe(0)
    expect(changed.take()).toEqual([])
  })

  test('does not grow while rows come and go, if nobody ever takes it', () => {
    const changed = new ChangedRows()
    let longest = 0
    for (let i = 0; i < 100_000; i++) {
      const row = new Row(i, i, 0)
      changed.add(row)
      row.flags |= FORGOTTEN
      changed.forgot()
      longest = Math.max(longest, changed.length)
    }
    expect(longest).toBeLessThan(2_000)
  })
})
