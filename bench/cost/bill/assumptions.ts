import { INFRA_LIMITS } from '../../../infra/limits.ts'

/** What is neither counted nor measured here. All of it is printed with the results. */
export const ASSUMPTIONS = {
  /**
   * What requests take, in milliseconds, as a warm function of the same region sees them, client library included. Round
   * figures, on the slow side of what these services answer in.
   */
  latencyMs: {
    'turn-log.read': 5,
    'turn-log.head': 5,
    'turn-log.append': 7,
    'turn-log.put-head': 7,
    'row-store': 8,
    mailbox: 12,
    'wake-ups': 12,
    'blobs.get': 20,
    'blobs.put': 35,
    'blobs.delete': 20,
    'blobs.list': 35,
    schedule: 40,
  } as Readonly<Record<string, number>>,
  /** From a message's arrival in a queue to the start of the function that is called with it. */
  pickUpMs: 15,
  /** Of a new environment: loading code and client library, which is billed. */
  coldStartMs: 400,
  /** What the infrastructure gives functions. */
  memoryMb: INFRA_LIMITS.memoryMb,
  /** From so much memory on a function has a whole processor; below, its part. Lambda developer guide, “Configure memory”. */
  wholeCpuMb: 1769,
  /** Processor time of a function on arm64 to that of this machine's. */
  cpuFactor: 1,
  /**
   * Long polls that Lambda keeps open on a queue that is quiet, and how long one lasts: it may go down to two, but not where
   * a maximum concurrency is set, as it is here. Lambda developer guide, “Configuring scaling behavior for SQS event source mappings”.
   */
  pollersPerQueue: 5,
  longPollSec: 20,
} as const

/** Queues that functions are called from: tasks, coordinator, ingest and dead letters, and wake-ups. `infra/job-queues.ts`. */
export const POLLED_QUEUES = { fifo: 4, standard: 1 } as const

/**
 * Of the standard job: alarms, as `infra/alarms.ts` has them, and metrics that it publishes hour after hour while events come.
 * An idle job publishes none.
 */
export const WATCHED = { alarms: 11, metrics: 14 } as const

export function latencyOf(port: string, name: string): number {
  const latencyMs = ASSUMPTIONS.latencyMs[`${port}.${name}`] ?? ASSUMPTIONS.latencyMs[port]
  if (latencyMs === undefined) throw new Error(`no latency is assumed of ${port}.${name}`)
  return latencyMs
}
