import { EventEmitter } from 'node:events'

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { LiveScreen } from '../../../../cli/run/live-screen.ts'
import { Screen } from './screen.ts'

/** A standard stream: of the terminal that `screen` stands for, or of a file. */
class Stream extends EventEmitter {
  readonly isTTY: boolean
  readonly rows = 20
  text = ''
  private readonly screen: Screen

  constructor(screen: Screen, isTTY: boolean) {
    super()
    this.screen = screen
    this.isTTY = isTTY
  }

  get columns(): number {
    return this.screen.columns
  }

  write(chunk: string | Uint8Array): boolean {
    const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
    this.text += text
    if (this.isTTY) this.screen.write(text)
    return true
  }
}

let shown: readonly string[]
let screen: Screen
let live: LiveScreen

function open({ stdoutIsTTY = true } = {}): { readonly stdout: Stream; readonly stderr: Stream } {
  const streams = { stdout: new Stream(screen, stdoutIsTTY), stderr: new Stream(screen, true) }
  live = new LiveScreen(() => shown, streams as never)
  return streams
}

beforeEach(() => {
  vi.useFakeTimers()
  screen = new Screen(20)
  shown = ['[job]', '[figures]']
})

afterEach(() => {
  live.close()
  vi.useRealTimers()
})

test('what a job prints appears above the display, in whole lines', () => {
  const { stdout, stderr } = open()
  live.draw()
  stdout.write('one\ntw')
  stderr.write('warning\n')
  stdout.write('o\nthree')
  vi.advanceTimersByTime(60)
  expect(screen.shown()).toEqual(['one', 'warning', 'two', '[job]', '[figures]', ''])

  live.close()
  expect(screen.shown()).toEqual(['one', 'warning', 'two', 'three', '[job]', '[figures]', ''])
})

test('the first print is seen at once, and later ones soon: the display is not moved for each', () => {
  const { stdout, stderr } = open()
  live.draw()
  const before = stderr.text.length
  stdout.write('0\n')
  expect(screen.shown()[0]).toBe('0')
  for (let line = 1; line < 1_000; line++) stdout.write(`${line}\n`)
  vi.advanceTimersByTime(60)
  expect(screen.shown().slice(-4)).toEqual(['999', '[job]', '[figures]', ''])
  expect(stderr.text.length - before).toBeLessThan(200)
})

test('much that waits is not waited for', () => {
  const { stdout } = open()
  live.draw()
  stdout.write('first\n')
  stdout.write(`${'x'.repeat(1_100_000)}\n`)
  expect(stdout.text.length).toBeGreaterThan(1_100_000)
})

test('standard output that goes elsewhere is left alone', () => {
  const { stdout } = open({ stdoutIsTTY: false })
  live.draw()
  stdout.write('no end of line')
  expect(stdout.text).toBe('no end of line')
  expect(screen.shown()).toEqual(['[job]', '[figures]', ''])
})

test('another size of the terminal draws anew', () => {
  const { stderr } = open()
  live.draw()
  shown = ['[smaller]']
  screen.resize(10)
  stderr.emit('resize')
  expect(screen.shown()).toEqual(['[smaller]', ''])
})

test('a released display stays, and the next one is drawn below what came after', () => {
  open()
  live.draw()
  live.release()
  screen.write('from another thread\n')
  live.draw()
  expect(screen.shown().slice(-3)).toEqual(['[job]', '[figures]', ''])
  expect(screen.shown().slice(0, 2)).toEqual(['[job]', '[figures]'])
})

test('nothing is drawn while there is nothing to show', () => {
  shown = []
  const { stdout } = open()
  stdout.write('loading\n')
  live.draw()
  expect(screen.shown()).toEqual(['loading', ''])
})

test('a closed one leaves the streams as they were', () => {
  const { stdout, stderr } = open()
  live.draw()
  live.close()
  live.close()
  stdout.write('tail')
  expect(stdout.text).toBe('tail')
  expect(stderr.listenerCount('resize')).toBe(0)
})
