import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { EXIT_CODES } from '../../../cli/exit-codes.ts'
import { createProgram } from '../../../cli/program.ts'

const manual = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const commands = createProgram(() => {}).commands

test.each(commands.map((command) => [command.name(), command] as const))(
  'the manual has %s',
  (name, command) => {
    const section = manual.split(/^## /m).find((text) => text.startsWith(`\`millrace ${name}`)) ?? ''
    const flags = [command, ...command.commands].flatMap(({ options }) =>
      options.map(({ long }) => `\`${long}`),
    )
    const names = command.commands.map((child) => `millrace ${name} ${child.name()}`)
    expect([...flags, ...names].filter((word) => !section.includes(word))).toEqual([])
  },
)

test('the manual has every exit code, with its meaning', () => {
  for (const [code, meaning] of EXIT_CODES) expect(manual).toContain(`| ${code} | ${meaning}`)
})
