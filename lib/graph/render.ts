import { declaredStates, type DeclaredState } from './operator-traits.ts'
import type { JobEdge, JobPlan } from './plan.ts'
import type { Resources } from './resources.ts'

/** A plan as plain data, for tools. Fields are added to a format, never renamed or removed. */
export interface PlanJson {
  readonly format: 1
  readonly job: string
  readonly fingerprint: string
  readonly vertices: readonly {
    readonly id: string
    readonly name: string
    readonly parallelism: number
    readonly maxParallelism: number
    /** What it asks of a function of its own on AWS, null for what the deployment gives; null: it shares the job's. */
    readonly resources: {
      readonly memoryMb: number | null
      readonly timeoutMs: number | null
      readonly maxConcurrency: number | null
    } | null
    readonly operators: readonly {
      readonly uid: string
      readonly name: string
      readonly type: string
      readonly keyed: boolean
      /** What the user declared, by name in order. */
      readonly state: readonly DeclaredState[]
      /** Uid of the operator of this chain that feeds it; null for the head. */
      readonly input: string | null
      /** The side output of `input` that it takes; null for the main output. */
      readonly sideOutput: string | null
    }[]
  }[]
  readonly edges: readonly {
    /** Id of a vertex. */
    readonly from: string
    /** Uid of the operator whose output it is. */
    readonly operator: string
    readonly sideOutput: string | null
    /** Id of a vertex. */
    readonly to: string
    readonly input: number
    readonly partitioning: string
  }[]
  /** Uids of operators whose dead letters no stream takes. */
  readonly unconsumedDeadLetters: readonly string[]
}

/** The plan as JSON data, the same for the same plan. */
export function planToJson(plan: JobPlan): PlanJson {
  return {
    format: 1,
    job: plan.jobName,
    fingerprint: plan.fingerprint,
    vertices: plan.vertices.map((vertex) => ({
      id: vertex.id,
      name: vertex.name,
      parallelism: vertex.parallelism,
      maxParallelism: vertex.maxParallelism,
      resources: resourcesToJson(vertex.resources),
      operators: vertex.operators.map((operator) => ({
        uid: operator.uid,
        name: operator.name,
        type: operator.spec.type,
        keyed: operator.keySelector !== undefined,
        state: declaredStates(operator.spec),
        input: operator.parent === undefined ? null : vertex.operators[operator.parent]!.uid,
        sideOutput: operator.parentTagId ?? null,
      })),
    })),
    edges: plan.edges.map((edge) => ({
      from: plan.vertices[edge.sourceVertex]!.id,
      operator: plan.vertices[edge.sourceVertex]!.operators[edge.sourceOperator]!.uid,
      sideOutput: edge.tagId ?? null,
      to: plan.vertices[edge.targetVertex]!.id,
      input: edge.inputIndex,
      partitioning: edge.partitioning,
    })),
    unconsumedDeadLetters: plan.unconsumedDeadLetters,
  }
}

function resourcesToJson(resources: Resources | undefined): PlanJson['vertices'][number]['resources'] {
  if (resources === undefined) return null
  const { memoryMb = null, timeoutMs = null, maxConcurrency = null } = resources
  return { memoryMb, timeoutMs, maxConcurrency }
}

/** The plan as a Mermaid flowchart: a box for each chain, an arrow for each edge, dotted for side outputs. */
export function planToMermaid(plan: JobPlan): string {
  const boxes = plan.vertices.map(
    (vertex) => `  v${vertex.index}["${escape(vertex.name)}<br/>parallelism ${vertex.parallelism}"]`,
  )
  return ['flowchart LR', ...boxes, ...plan.edges.map(arrow)].join('\n') + '\n'
}

function arrow(edge: JobEdge): string {
  const { sourceVertex, targetVertex, partitioning, tagId } = edge
  if (tagId === undefined) return `  v${sourceVertex} -->|${partitioning}| v${targetVertex}`
  return `  v${sourceVertex} -.->|"${escape(tagId)}: ${partitioning}"| v${targetVertex}`
}

/** Mermaid's entities for what would end a label or be taken for markup. */
function escape(text: string): string {
  return text.replaceAll(/["#<&\n\r]/g, (char) => `#${char.codePointAt(0)};`)
}
