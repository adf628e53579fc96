import { openCheckpoint } from '../../lib/embedded/open-checkpoint.ts'
import type { Colors } from '../text/colors.ts'
import { checkpointReport } from './checkpoint-report.ts'
import { expectCheckpoint } from './expect-checkpoint.ts'
import { jsonReport } from './json-report.ts'
import { reportLines } from './report-lines.ts'

/**
 * What the checkpoint or savepoint at `path` holds, as text or as JSON.
 * @throws UserError if there is none, or it is damaged.
 */
export async function describeCheckpoint(
  path: string,
  options: { readonly json: boolean; readonly colors: Colors },
): Promise<string> {
  expectCheckpoint(path)
  const report = await checkpointReport(await openCheckpoint(path))
  const text = options.json
    ? JSON.stringify(jsonReport(report), null, 2)
    : reportLines(report, options.colors).join('\n')
  return `${text}\n`
}
