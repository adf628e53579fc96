import type { SinkContext, SinkWriter, WriterSink } from '../../../lib/stream/sink.ts'

export function sinkContext(over: Partial<SinkContext> = {}): SinkContext {
  return {
    jobName: 'job',
    operatorUid: 'sink',
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    runId: 'run',
    lineage: 'run',
    version: () => '00000001#000000000001#0000',
    batchId: () => 'batch',
    now: () => 0,
    warn: () => {},
    ...over,
  }
}

export function writerOf<T>(sink: WriterSink<T>, over: Partial<SinkContext> = {}): SinkWriter<T> {
  return sink.createWriter(sinkContext(over))
}
