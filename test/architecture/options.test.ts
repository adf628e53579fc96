import { expect, test } from 'vitest'

import { describeOptions } from '../../lib/stream/option-table.ts'

/** Written by `npm test -- --project architecture -u`. */
test('docs/options.md lists every option as it is', async () => {
  const rows = describeOptions().map((option) => {
    const keys = [option.key, ...option.aliases].map((key) => `\`${key}\``).join(', ')
    const cells = [keys, `\`${option.inJob}\``, option.expected, option.default, option.doc]
    return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`
  })
  await expect([...HEAD, ...rows, ''].join('\n')).toMatchFileSnapshot('../../docs/options.md')
})

const HEAD = [
  '# Options',
  '',
  '<!-- Made from lib/stream/option-table.ts by test/architecture/options.test.ts. -->',
  '',
  'Each option can be set in three places: in a configuration file (`--config`, YAML or JSON, flat or nested) and on the',
  "command line (`--set key=value`) by its key, which is Flink's where Flink has the option; in the job's code by its path in",
  "the options of `defineJob`. The command line wins over the job's code, the code over the file, the file over the default",
  '([ADR 3](adr/0003-precedence-of-settings.md)). An unknown key is an error, and all errors are reported at once.',
  '',
  'Settings of a restart strategy are written in code by its function, such as',
  "`restart: fixedDelay({ attempts: 3, delay: '10 s' })`.",
  '',
  '| key | in code | expected | default | |',
  '|---|---|---|---|---|',
]
