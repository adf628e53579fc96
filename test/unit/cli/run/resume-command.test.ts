import { expect, test } from 'vitest'

import { resumeCommand } from '../../../../cli/run/resume-command.ts'

test.each([
  [['run', 'job.ts'], 'millrace run job.ts --from latest'],
  [['run', 'job.ts', '--from', 'chk-1', '-p', '2'], 'millrace run job.ts -p 2 --from latest'],
  [['run', '--from=chk-1', 'job.ts'], 'millrace run job.ts --from latest'],
  [
    ['run', 'my job.ts', '--set', "pipeline.name=it's"],
    String.raw`millrace run 'my job.ts' --set 'pipeline.name=it'\''s' --from latest`,
  ],
])('after %j with a checkpoint: %s', (args, command) => {
  expect(resumeCommand(args, true, {})).toBe(command)
})

test('without a checkpoint a run begins again where it began, unless that was from nothing', () => {
  expect(resumeCommand(['run', 'job.ts', '--from', 'sp-1'], false, {})).toBe(
    'millrace run job.ts --from sp-1',
  )
  expect(resumeCommand(['run', 'job.ts'], false, {})).toBeUndefined()
})

test('is typed as the command was', () => {
  expect(resumeCommand(['run', 'job.ts'], true, { npm_command: 'exec' })).toBe(
    'npx millrace run job.ts --from latest',
  )
})
