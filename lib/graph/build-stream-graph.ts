import { UserError } from '../model/faults.ts'
import { createEnvironment } from '../stream/environment.ts'
import type { JobDefinition } from '../stream/job.ts'
import type { StreamGraph } from '../stream/operator-spec.ts'

/**
 * Runs the job's function and returns what it built, not yet checked.
 * @throws UserError if the function is asynchronous; and whatever the function throws.
 */
export function buildStreamGraph(definition: JobDefinition): StreamGraph {
  const { env, finish } = createEnvironment()
  const result: unknown = definition.build(env)
  const graph = finish()
  if (result instanceof Promise) {
    // Its operators come too late to be part of the graph; what it makes of that is told here, once.
    result.catch(() => {})
    throw new UserError(
      `${definition.options.name}: expected the job's function to return nothing, got a promise; ` +
        'do asynchronous work before defineJob, or in a source',
    )
  }
  return graph
}
