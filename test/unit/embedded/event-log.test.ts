import { expect, test, vi } from 'vitest'
import { EventLog } from '../../../lib/embedded/event-log.ts'
import type { JobEvent } from '../../../lib/embedded/job-handle.ts'

const warning = (message: string): JobEvent => ({ type: 'warning', atMs: 0, message })
const messages = (events: readonly JobEvent[]): string[] =>
  events.map((event) => (event.type === 'warning' ? event.message : event.type))

test('what happened before the first listener came is kept for it, in order, also what it causes itself', () => {
  const log = new EventLog()
  log.emit(warning('a'))
  log.emit(warning('b'))
  const heard: JobEvent[] = []
  log.listen((event) => {
    heard.push(event)
    if (heard.length === 1) log.emit(warning('c'))
  })
  log.emit(warning('d'))
  expect(messages(heard)).toEqual(['a', 'b', 'c', 'd'])
  const late: JobEvent[] = []
  log.listen((event) => late.push(event))
  expect(late).toEqual([])
})

test('what nobody hears does not pile up (invariant 11)', () => {
  const log = new EventLog()
  for (let i = 0; i < 5_000; i++) log.emit(warning(String(i)))
  const heard: JobEvent[] = []
  log.listen((event) => heard.push(event))
  expect(heard.length).toBeLessThanOrEqual(1_000)
  expect(messages(heard).at(-1)).toBe('4999')
})

test('a listener that throws is told no more; the others and the job go on', () => {
  const told = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const log = new EventLog()
  const calls: string[] = []
  log.listen(() => {
    calls.push('bad')
    throw new Error('a defect')
  })
  log.listen(() => void calls.push('good'))
  log.emit(warning('a'))
  log.emit(warning('b'))
  expect(calls).toEqual(['bad', 'good', 'good'])
  expect(told).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('a defect'))
})
