// The user's API: jobs, streams, functions, state, windows, time and options.

export { defineJob, isJobDefinition, type JobDefinition } from './stream/job.ts'
export type { StreamEnvironment } from './stream/environment.ts'
export type { DataStream, KeyedStream, SourceStream, WindowedStream } from './stream/data-stream.ts'
export type { ByOptions, ComparableField, NumericField } from './stream/aggregations.ts'
export type { OperatorOptions, ResourceOptions, StatelessOptions } from './stream/operator-options.ts'

export {
  exponentialDelay,
  failureRate,
  fixedDelay,
  noRestart,
  type CheckpointingOptions,
  type ExponentialDelayOptions,
  type FailureRateOptions,
  type FixedDelayOptions,
  type JobOptions,
  type PoisonRecordOptions,
  type RestartStrategy,
  type StateBackendOptions,
  type StateBackendType,
} from './stream/options.ts'

export type {
  CheckpointedFunction,
  Collector,
  FunctionInitializationContext,
  FunctionSnapshotContext,
  KeyedContext,
  KeyedProcessFunction,
  Lifecycle,
  OnTimerContext,
  PerSubtask,
  ProcessContext,
  ProcessFunction,
  RichFilterFunction,
  RichFlatMapFunction,
  RichMapFunction,
  RuntimeContext,
  TimeWindow,
  TimerService,
  WindowFunction,
} from './stream/functions.ts'

export {
  aggregatingState,
  listState,
  mapState,
  operatorListState,
  reducingState,
  valueState,
  type AggregateFunction,
  type AggregatingState,
  type AggregatingStateDescriptor,
  type DefaultedValueState,
  type ListState,
  type ListStateDescriptor,
  type MapKey,
  type MapState,
  type MapStateDescriptor,
  type OperatorListStateDescriptor,
  type OperatorStateHandles,
  type OperatorStateSpec,
  type ReducingState,
  type ReducingStateDescriptor,
  type StateHandles,
  type StateOptions,
  type StateSpec,
  type Ttl,
  type TtlOptions,
  type ValueState,
  type ValueStateDescriptor,
} from './stream/state.ts'

export {
  outputTag,
  type,
  type OutputTag,
  type TypeOf,
  type TypeToken,
  type UndeclaredOutput,
} from './stream/types.ts'

export {
  boundedOutOfOrderness,
  customWatermarks,
  monotonousTimestamps,
  type WatermarkGenerator,
  type WatermarkOptions,
  type WatermarkStrategy,
} from './stream/watermarks.ts'
export { tumblingEventTimeWindows, type WindowAssigner } from './stream/windows.ts'

export {
  deadLetters,
  sourceFunction,
  type DeadLetter,
  type FunctionSource,
  type ReadStatus,
  type Source,
  type SourceFunction,
  type SourceFunctionContext,
  type SourceOutput,
  type SourceReader,
  type SourceReaderContext,
  type SplitSource,
} from './stream/source.ts'
export {
  sinkFunction,
  type FunctionSink,
  type JobObjects,
  type Sink,
  type SinkContext,
  type SinkFunction,
  type SinkInvokeContext,
  type SinkWriter,
  type TwoPhaseCommitSink,
  type TwoPhaseCommitter,
  type WriterSink,
} from './stream/sink.ts'

export type { BlobStore } from './ports/blob-store.ts'
export type {
  Answer as OutsideAnswer,
  HttpAnswer,
  HttpPost,
  ItemStamp,
  Outside,
  OutsideHttp,
  OutsideQueue,
  OutsideTable,
  QueueEntry,
  TableItem,
  TableValue,
} from './ports/outside.ts'
export { UserError } from './model/faults.ts'
export type { Duration } from './model/durations.ts'
export type { Key } from './model/keys.ts'

// Sources and sinks that come with Millrace.
export * from './connectors/index.ts'

// Running a job in this process.
export { runJob } from './embedded/run-job.ts'
export type { CheckpointFigures } from './checkpoint/coordinator-state.ts'
export type { FailureCause } from './checkpoint/failure-reasons.ts'
export type { JobStatus } from './checkpoint/job-status.ts'
export type { RunOptions } from './embedded/options.ts'
export type {
  CheckpointKind,
  CheckpointLocation,
  JobEvent,
  JobHandle,
  JobMetrics,
  JobResult,
  OperatorFigures,
} from './embedded/job-handle.ts'
