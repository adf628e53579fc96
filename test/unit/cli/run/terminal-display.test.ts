import { expect, test } from 'vitest'

import { TerminalDisplay } from '../../../../cli/run/terminal-display.ts'
import { Screen } from './screen.ts'

function terminal(columns = 20): { readonly screen: Screen; readonly display: TerminalDisplay } {
  const screen = new Screen(columns)
  screen.write('$ millrace\n')
  return { screen, display: new TerminalDisplay(screen) }
}

test('is drawn over what it showed before, whichever is longer', () => {
  const { screen, display } = terminal()
  display.draw(['one', 'two, a long line', 'three'])
  display.draw(['uno', 'dos'])
  expect(screen.shown()).toEqual(['$ millrace', 'uno', 'dos', ''])

  display.draw(['1', '2', '3', '4'])
  expect(screen.shown()).toEqual(['$ millrace', '1', '2', '3', '4', ''])
})

test('makes room for others, and comes back below them', () => {
  const { screen, display } = terminal()
  display.draw(['one', 'two'])
  display.erase()
  screen.write('a record\nanother\n')
  display.draw(['one', 'two'])
  expect(screen.shown()).toEqual(['$ millrace', 'a record', 'another', 'one', 'two', ''])
})

test('stays when it is forgotten', () => {
  const { screen, display } = terminal()
  display.draw(['one'])
  display.forget()
  display.erase()
  display.draw(['two'])
  expect(screen.shown()).toEqual(['$ millrace', 'one', 'two', ''])
})

test.each([5, 7, 12, 40])('finds its top again in a terminal resized to %d columns', (columns) => {
  const { screen, display } = terminal(20)
  screen.write('above\n')
  display.draw(['', '1234567890123456789', 'short', '12345678'])
  screen.resize(columns)
  display.draw(['new'])
  const shown = screen.shown()
  expect(shown.slice(-3)).toEqual(['above', 'new', ''])
})
