import { functionOf } from '../stream/functions.ts'
import type { OperatorSpec } from '../stream/operator-spec.ts'
import type { Sink } from '../stream/sink.ts'
import type { Source } from '../stream/source.ts'
import { FilterOperator } from './filter.ts'
import { FlatMapOperator } from './flat-map.ts'
import { FlatMapWithStateOperator } from './flat-map-with-state.ts'
import { FunctionSinkOperator } from './function-sink.ts'
import { FunctionSourceOperator } from './function-source.ts'
import { KeyedProcessOperator } from './keyed-process.ts'
import { KeyedFilterOperator, KeyedFlatMapOperator, KeyedMapOperator } from './keyed-rich.ts'
import { MapOperator } from './map.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { ProcessOperator } from './process.ts'
import { ReduceOperator } from './reduce.ts'
import type { SourceOperator } from './source.ts'
import { SplitSourceOperator } from './split-source.ts'
import { TimestampsOperator } from './timestamps.ts'
import { TwoPhaseCommitSinkOperator } from './two-phase-commit-sink.ts'
import { WindowOperator } from './window.ts'
import { WriterSinkOperator } from './writer-sink.ts'

/** Makes the operator that `spec` describes. */
export function createOperator(spec: OperatorSpec, context: OperatorContext): Operator {
  switch (spec.type) {
    case 'source':
      return createSource(spec.source, context)
    case 'timestamps':
      return new TimestampsOperator(context, spec.timestampOf, spec.strategy)
    case 'map':
      return new MapOperator(context, spec.fn)
    case 'flat-map':
      return new FlatMapOperator(context, spec.fn)
    case 'filter':
      return new FilterOperator(context, spec.fn)
    case 'process':
      return new ProcessOperator(context, functionOf(spec.fn))
    case 'keyed-process':
      return new KeyedProcessOperator(context, spec.fn)
    case 'keyed-map':
      return new KeyedMapOperator(context, spec.fn)
    case 'keyed-flat-map':
      return new KeyedFlatMapOperator(context, spec.fn)
    case 'keyed-filter':
      return new KeyedFilterOperator(context, spec.fn)
    case 'flat-map-with-state':
      return new FlatMapWithStateOperator(context, spec.fn)
    case 'reduce':
      return new ReduceOperator(context, spec.reduce)
    case 'window':
      return new WindowOperator(context, spec)
    case 'sink':
      return createSink(spec.sink, context)
  }
}

function createSource(source: Source<unknown>, context: OperatorContext): SourceOperator {
  return source.type === 'splits'
    ? new SplitSourceOperator(context, source)
    : new FunctionSourceOperator(context, functionOf(source.fn))
}

function createSink(sink: Sink<unknown>, context: OperatorContext): Operator {
  switch (sink.type) {
    case 'writer':
      return new WriterSinkOperator(context, sink)
    case 'two-phase-commit':
      return new TwoPhaseCommitSinkOperator(context, sink)
    case 'function':
      return new FunctionSinkOperator(context, functionOf(sink.fn))
  }
}
