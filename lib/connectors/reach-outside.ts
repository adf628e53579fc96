import { UserError } from '../model/faults.ts'
import type { Outside } from '../ports/outside.ts'
import type { SinkContext } from '../stream/sink.ts'

/** @throws UserError if the run was given no way to what `kind` writes to. */
export function reachOutside(kind: string, service: string, sdk: string, ctx: SinkContext): Outside {
  const { outside } = ctx
  if (outside !== undefined) return outside
  throw new UserError(
    `${kind}: expected a run that can reach ${service}, got one without. Install the client (npm install ${sdk}) ` +
      'and start the job with the command millrace, or give runJob the option `outside`',
  )
}
