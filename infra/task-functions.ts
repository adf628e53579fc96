import type { JobPlan, JobVertex } from '../lib/graph/plan.ts'
import { resourceSettingProblems, resourcesOf, type Resources } from '../lib/graph/resources.ts'
import { FUNCTION_LIMITS } from '../lib/model/function-limits.ts'
import { INFRA_LIMITS } from './limits.ts'
import type { StreamJobProps, TaskFunctionProps } from './stream-job-props.ts'

type AskedProps = TaskFunctionProps & Pick<StreamJobProps, 'chains'>

/** A function that tasks run in, as it is deployed. */
export interface TaskFunction {
  /** The chains that it serves. */
  readonly vertices: readonly JobVertex[]
  readonly memoryMb: number
  readonly timeoutSec: number
  readonly maxConcurrency: number
  readonly reservedConcurrency: number | undefined
}

export interface TaskFunctions {
  /** Serves every chain that has none of its own. */
  readonly shared: TaskFunction
  /** By the id of the chain. */
  readonly own: ReadonlyMap<string, TaskFunction>
}

/** Those that have a queue and a function of their own: they ask for it, or the stack does for them. */
export function ownChains({ vertices }: JobPlan, { chains = {} }: AskedProps): readonly JobVertex[] {
  return vertices.filter(({ id, resources }) => resources !== undefined || Object.hasOwn(chains, id))
}

/** The functions that a job's tasks run in: what operators ask for, and what the stack says over it; free of problems. */
export function taskFunctionsOf(plan: JobPlan, props: AskedProps): TaskFunctions {
  const { chains = {}, ...all } = props
  const alone = ownChains(plan, props)
  const deployment = settingsOf(all)
  return {
    shared: taskFunction(
      plan.vertices.filter((vertex) => !alone.includes(vertex)),
      deployment,
    ),
    own: new Map(
      alone.map((vertex) => {
        const { resources: asked } = vertex
        const over = settingsOf(chains[vertex.id] ?? {})
        const own = taskFunction([vertex], {
          memoryMb: over.memoryMb ?? asked?.memoryMb ?? deployment.memoryMb,
          timeoutMs: over.timeoutMs ?? asked?.timeoutMs ?? deployment.timeoutMs,
          maxConcurrency: over.maxConcurrency ?? asked?.maxConcurrency,
          reservedConcurrency: over.reservedConcurrency,
        })
        return [vertex.id, own]
      }),
    ),
  }
}

type Settings = Resources & Pick<TaskFunction, 'reservedConcurrency'>

function settingsOf({ reservedConcurrency, ...resources }: TaskFunctionProps): Settings {
  const { memoryMb, timeoutMs, maxConcurrency } = resourcesOf(resources)
  return { memoryMb, timeoutMs, maxConcurrency, reservedConcurrency }
}

function taskFunction(vertices: readonly JobVertex[], settings: Settings): TaskFunction {
  const { memoryMb = INFRA_LIMITS.memoryMb, timeoutMs, maxConcurrency, reservedConcurrency } = settings
  const tasks = vertices.reduce((sum, { parallelism }) => sum + parallelism, 0)
  return {
    vertices,
    memoryMb,
    timeoutSec: timeoutMs === undefined ? INFRA_LIMITS.functionTimeoutSec : Math.ceil(timeoutMs / 1_000),
    // What goes beyond those that are reserved would be turned away, until its messages are dead letters.
    maxConcurrency: maxConcurrency ?? Math.min(concurrencyOf(tasks), reservedConcurrency ?? Infinity),
    reservedConcurrency,
  }
}

/** Invocations at once that serve so many actors: more would have nothing to do. */
export function concurrencyOf(actors: number): number {
  return Math.min(Math.max(actors, FUNCTION_LIMITS.concurrencyMin), FUNCTION_LIMITS.concurrencyMax)
}

/** What is wrong with what the stack says, and with what it and the operators say together. */
export function taskFunctionProblems(plan: JobPlan, props: AskedProps): readonly string[] {
  const { chains = {}, ...shared } = props
  const known = plan.vertices.map(({ id }) => id)
  const problems = [
    ...Object.keys(chains)
      .filter((chain) => !known.includes(chain))
      .map((chain) => `chains: expected the first operator of a chain (${known.join(', ')}), got '${chain}'`),
    ...settingProblems(shared, ''),
    ...Object.entries(chains).flatMap(([chain, settings]) => settingProblems(settings, `chains.${chain}.`)),
  ]
  if (problems.length > 0) return problems
  const functions = taskFunctionsOf(plan, props)
  return [
    ...reservationProblems(functions.shared, 'the shared operator function'),
    ...[...functions.own].flatMap(([chain, fn]) =>
      reservationProblems(fn, `the function of chain '${chain}'`),
    ),
  ]
}

function settingProblems(settings: TaskFunctionProps, prefix: string): readonly string[] {
  return [
    ...resourceSettingProblems(settings, prefix),
    ...reservedProblems(
      `${prefix}reservedConcurrency`,
      settings.reservedConcurrency,
      FUNCTION_LIMITS.concurrencyMin,
    ),
  ]
}

/** What is wrong with a number of invocations that the stack sets aside. */
export function reservedProblems(
  name: string,
  reserved: number | undefined,
  least: number,
): readonly string[] {
  if (reserved === undefined || (Number.isInteger(reserved) && reserved >= least)) return []
  return [`${name}: expected a whole number, ${least} or more, got ${reserved}`]
}

function reservationProblems(
  { maxConcurrency, reservedConcurrency }: TaskFunction,
  label: string,
): readonly string[] {
  if (reservedConcurrency === undefined || maxConcurrency <= reservedConcurrency) return []
  return [
    `maxConcurrency: expected at most the ${reservedConcurrency} invocations that are reserved for ${label}, got ` +
      `${maxConcurrency}: what goes beyond is turned away, until its messages are dead letters`,
  ]
}
