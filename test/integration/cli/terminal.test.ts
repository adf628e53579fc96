import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { Screen } from '../../unit/cli/run/screen.ts'
import { FROM_SOURCE, Millrace, ROOT } from './millrace.ts'
import { project } from './project.ts'

const job = (name: string): string => join(ROOT, 'test/fixtures/jobs', `${name}.ts`)

/** util-linux has it: runs a command on a terminal of its own. */
const hasTerminals = spawnSync('script', ['--version']).status === 0

/** `millrace` on a terminal; what the terminal is sent comes on standard output. */
function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}): Millrace {
  const quoted = [process.execPath, ...FROM_SOURCE, ...args].map((word) => `'${word}'`).join(' ')
  const command = `stty cols 100 rows 30; unset CI; exec ${quoted}`
  const run = new Millrace([], {
    command: ['script', '--quiet', '--return', '--flush', '--command', command, '/dev/null'],
    cwd: project({}),
    env: { TERM: 'xterm-256color', ...env },
  })
  onTestFinished(() => run.kill('SIGKILL'))
  return run
}

/** What is on the terminal after all of it, without colours. */
function screenAfter(sent: string): string[] {
  const screen = new Screen(100)
  // eslint-disable-next-line no-control-regex
  screen.write(sent.replaceAll(/\u001B\[[\d;]*m/g, ''))
  return screen.shown()
}

describe.skipIf(!hasTerminals)('on a terminal', () => {
  test('a display below what the job prints, which loses no line of it', async () => {
    const run = onTerminal(['run', job('ticker')])
    await run.says('stdout', 'tick 300:')
    run.process.stdin.write('\u0003')
    const { code, stdout } = await run.ended
    const lines = screenAfter(stdout)
    const ticks = lines.filter((line) => line.startsWith('tick '))
    expect(ticks).toEqual(ticks.map((_, index) => `tick ${index}: ${Math.floor(index / 10) + 1} of its kind`))
    expect(ticks.length).toBeGreaterThan(300)

    const display = lines.slice(lines.indexOf(ticks.at(-1)!) + 1)
    expect(display.slice(0, 14).map((line) => line.split(/ {2,}/)[0])).toEqual([
      '',
      'ticker',
      '',
      'operator',
      'ticks',
      'timestamps',
      'count',
      'out',
      '',
      expect.stringMatching(/^checkpoint \d+: /),
      '',
      'Go on from the last checkpoint with',
      '',
      expect.stringMatching(/^ticker SUSPENDED: /),
    ])
    expect(code).toBe(130)
  })

  test.each([
    ['has colours', {}, true],
    ['has none with NO_COLOR', { NO_COLOR: '1' }, false],
  ])('%s', async (_what, env, colored) => {
    const { stdout } = await onTerminal(['run', job('letters')], env).ended
    // eslint-disable-next-line no-control-regex
    expect(/\u001B\[\d+m/.test(stdout)).toBe(colored)
  })
})

test('elsewhere FORCE_COLOR has colours', async () => {
  const run = new Millrace(['run', job('letters')], { cwd: project({}), env: { FORCE_COLOR: '1' } })
  const { stdout, stderr } = await run.ended
  expect(stderr).toContain('\u001B[32mFINISHED\u001B[39m')
  expect(stdout).toBe('a seen\nb seen\na seen\nc seen\n')
})
