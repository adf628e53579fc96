import type { JobDefinition } from '../../lib/stream/job.ts'
import { explainBuildFailure } from './explain-load-failure.ts'

export interface WatchedJob {
  readonly definition: JobDefinition
  /** Uids of the sources, once the graph is built. */
  readonly sourceUids: ReadonlySet<string>
}

/** The same job; what its function throws becomes a UserError that says where, and its sources are noted. */
export function watchBuild(definition: JobDefinition): WatchedJob {
  const sourceUids = new Set<string>()
  const build: JobDefinition['build'] = (env) => {
    try {
      return definition.build({
        ...env,
        source(uid, ...rest) {
          sourceUids.add(uid)
          return env.source(uid, ...rest)
        },
      })
    } catch (cause) {
      throw explainBuildFailure(cause, definition.options.name)
    }
  }
  return { definition: { ...definition, build }, sourceUids }
}
