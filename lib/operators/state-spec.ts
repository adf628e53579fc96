import type { OperatorSpec } from '../stream/operator-spec.ts'
import type { StateSpec } from '../stream/state.ts'
import { FLAT_MAP_STATE } from './flat-map-with-state.ts'
import { REDUCE_STATE } from './reduce.ts'
import { WINDOW_STATE } from './window.ts'

/** The keyed state that an operator declares; undefined if it works on a stream that is not keyed. */
export function stateSpecOf(spec: OperatorSpec): StateSpec | undefined {
  switch (spec.type) {
    case 'keyed-process':
    case 'keyed-map':
    case 'keyed-flat-map':
    case 'keyed-filter':
      return spec.fn.state ?? {}
    case 'flat-map-with-state':
      return FLAT_MAP_STATE
    case 'reduce':
      return REDUCE_STATE
    case 'window':
      return WINDOW_STATE
    case 'source':
    case 'timestamps':
    case 'map':
    case 'flat-map':
    case 'filter':
    case 'process':
    case 'sink':
      return undefined
  }
}
