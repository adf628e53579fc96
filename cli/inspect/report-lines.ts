import { inspect } from 'node:util'

import type { Colors } from '../text/colors.ts'
import {
  formatBytes,
  formatCount,
  formatElapsed,
  formatInstant,
  formatWatermark,
  plural,
} from '../text/figures.ts'
import { shortPath } from '../text/stack.ts'
import { oneLine, truncate } from '../text/width.ts'
import {
  SPLITS_STATE,
  type CheckpointReport,
  type OperatorReport,
  type OperatorStateReport,
  type VertexReport,
} from './checkpoint-report.ts'

/** More items than this of one state are counted, not shown; `--json` has all. */
const ITEMS_SHOWN = 20
const ITEM_COLUMNS = 100

/** A report for people. */
export function reportLines(report: CheckpointReport, colors: Colors): string[] {
  const { path, record, vertices, operators } = report
  const { kind, checkpointId, jobName, runId, attempt, triggeredAtMs, completedAtMs } = record
  const bytes = operators.reduce((sum, operator) => sum + operator.bytes, 0)
  const segments = operators.reduce((sum, operator) => sum + operator.segments, 0)
  return [
    `${colors.bold(`${kind} ${checkpointId}`)} of ${oneLine(jobName)}`,
    ...facts([
      ['path', shortPath(path)],
      ['run', `${runId}, attempt ${attempt}`],
      ['taken', `${formatInstant(triggeredAtMs)}, in ${formatElapsed(completedAtMs - triggeredAtMs)}`],
      ['plan', record.planFingerprint],
      ['size', `${formatBytes(bytes)} of keyed state in ${plural(segments, 'segment')}`],
      ['checked', colors.green('metadata and every segment match their checksums')],
    ]),
    '',
    'Chains',
    ...vertices.map((vertex) => `  ${vertexLine(vertex)}`),
    ...operators.flatMap((operator) => ['', ...operatorLines(operator, colors)]),
  ]
}

function vertexLine({ id, parallelism, watermarkMs, finishedSubtasks }: VertexReport): string {
  const finished =
    finishedSubtasks === 0 ? '' : `, ${finishedSubtasks === parallelism ? 'all' : finishedSubtasks} finished`
  return `${oneLine(id)}: ${plural(parallelism, 'task')}, watermark ${formatWatermark(watermarkMs)}${finished}`
}

function operatorLines(operator: OperatorReport, colors: Colors): string[] {
  const { uid, name, parallelism, maxParallelism, states, keys, rows, bytes, segments, operatorState } =
    operator
  const named = name === uid ? '' : ` (${oneLine(name)})`
  const size = [
    plural(keys, 'key'),
    ...(rows === keys ? [] : [plural(rows, 'row')]),
    `${formatBytes(bytes)} in ${plural(segments, 'segment')}`,
  ]
  const keyed = states.length > 0 || segments > 0
  const nothing = !keyed && operatorState.every(({ items }) => items.length === 0)
  return [
    `Operator ${colors.bold(oneLine(uid))}${named}, parallelism ${parallelism} of at most ${maxParallelism}`,
    ...(nothing ? [`  ${colors.dim('no state')}`] : []),
    ...(keyed ? [`  keyed state: ${size.join(', ')}`] : []),
    ...states.map(({ name: state, kind, ttl, buckets }) => {
      const details = [
        kind,
        ...(ttl ? ['with TTL'] : []),
        ...(buckets === 0 ? [] : [plural(buckets, 'bucket')]),
      ]
      return `    ${oneLine(state)}: ${details.join(', ')}`
    }),
    ...operatorState.flatMap((state) => operatorStateLines(state, colors)),
  ]
}

function operatorStateLines(
  { name, redistribution, bytes, items }: OperatorStateReport,
  colors: Colors,
): string[] {
  if (items.length === 0) return []
  const title = name === SPLITS_STATE ? 'position' : `operator state ${oneLine(name)} (${redistribution})`
  const hidden = items.length - ITEMS_SHOWN
  return [
    `  ${title}: ${plural(items.length, name === SPLITS_STATE ? 'split' : 'item')}, ${formatBytes(bytes)}`,
    ...items
      .slice(0, ITEMS_SHOWN)
      .map(({ subtask, value }) => `    ${colors.dim(`subtask ${subtask}:`)} ${show(value)}`),
    ...(hidden > 0 ? [colors.dim(`    … and ${formatCount(hidden)} more; --json shows all`)] : []),
  ]
}

function show(value: unknown): string {
  const text = inspect(value, { breakLength: Infinity, compact: true, depth: 6, maxArrayLength: 20 })
  return truncate(oneLine(text), ITEM_COLUMNS)
}

function facts(pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.map(([name, value]) => `  ${name.padEnd(7)}  ${value}`)
}
