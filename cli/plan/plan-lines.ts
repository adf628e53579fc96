import type { PlanJson } from '../../lib/graph/render.ts'
import { formatDurationMs } from '../../lib/model/durations.ts'
import type { Colors } from '../text/colors.ts'
import { plural } from '../text/figures.ts'
import { renderTable, type Cell, type Column } from '../text/table.ts'
import { oneLine } from '../text/width.ts'

type Vertex = PlanJson['vertices'][number]
type Operator = Vertex['operators'][number]

const COLUMNS: readonly Column[] = [
  { title: 'operator', align: 'left' },
  { title: 'kind', align: 'left' },
  { title: 'details', align: 'left' },
]

/** A plan for people: a paragraph for each chain, with what feeds it and the operators in it. */
export function planLines(plan: PlanJson, colors: Colors): string[] {
  const operators = plan.vertices.reduce((sum, vertex) => sum + vertex.operators.length, 0)
  const tasks = plan.vertices.reduce((sum, vertex) => sum + vertex.parallelism, 0)
  const size = [plural(operators, 'operator'), plural(plan.vertices.length, 'chain'), plural(tasks, 'task')]
  return [
    `${colors.bold(oneLine(plan.job))}: ${size.join(', ')}`,
    ...plan.vertices.flatMap((vertex, index) => ['', ...chainLines(plan, vertex, index, colors)]),
  ]
}

function chainLines(plan: PlanJson, vertex: Vertex, index: number, colors: Colors): string[] {
  const { parallelism, maxParallelism, operators } = vertex
  const table = renderTable(
    COLUMNS,
    operators.map((operator, place) => operatorCells(vertex, operator, place)),
    { width: Number.POSITIVE_INFINITY },
  )
  return [
    `${colors.bold(`Chain ${index + 1}`)}, parallelism ${parallelism} of at most ${maxParallelism}`,
    ...resourceLines(vertex),
    ...inputsOf(plan, vertex).map((input) => `  ${colors.dim('<-')} ${input}`),
    // The columns explain themselves; their titles would only repeat in every chain.
    ...table.slice(1).map((line) => `  ${line}`),
  ]
}

function resourceLines({ resources }: Vertex): string[] {
  if (resources === null) return []
  const { memoryMb, timeoutMs, maxConcurrency } = resources
  const asked = [
    ...(memoryMb === null ? [] : [`${memoryMb} MB`]),
    ...(timeoutMs === null ? [] : [`timeout ${formatDurationMs(timeoutMs)}`]),
    ...(maxConcurrency === null ? [] : [`at most ${maxConcurrency} at once`]),
  ]
  return [`  a function of its own on AWS${asked.length === 0 ? '' : `: ${asked.join(', ')}`}`]
}

function inputsOf(plan: PlanJson, vertex: Vertex): string[] {
  return plan.edges
    .filter(({ to }) => to === vertex.id)
    .map(({ from, operator, sideOutput, partitioning }) => {
      const chain = plan.vertices.findIndex(({ id }) => id === from) + 1
      const side = sideOutput === null ? '' : `, side output ${oneLine(sideOutput)}`
      return `${oneLine(operator)} of chain ${chain}${side} (${partitioning})`
    })
}

function operatorCells(vertex: Vertex, operator: Operator, place: number): Cell[] {
  const { uid, name, type, state, input, sideOutput } = operator
  const before = vertex.operators[place - 1]
  const details = [
    ...(name === uid ? [] : [`named ${oneLine(name)}`]),
    // In a chain each operator takes the one before it, unless the chain branches.
    ...(input === null || (input === before?.uid && sideOutput === null) ? [] : [`from ${oneLine(input)}`]),
    ...(sideOutput === null ? [] : [`side output ${oneLine(sideOutput)}`]),
    ...(state.length === 0
      ? []
      : [`state ${state.map((one) => `${oneLine(one.name)} (${one.kind})`).join(', ')}`]),
  ]
  return [{ text: oneLine(uid) }, { text: type }, { text: details.join('; ') }]
}
