import type { JobStatus } from '../../../../lib/checkpoint/job-status.ts'
import { COORDINATOR } from '../../../../lib/model/actors.ts'
import { asCheckpointId, type ActorId } from '../../../../lib/model/ids.ts'
import { decodeEnvelope } from '../../../../lib/serverless/actor/envelope.ts'
import type { JobAnswer } from '../../../../lib/serverless/coordinator/image.ts'
import {
  type JobStatusRecord,
  type ShownCheckpoint,
} from '../../../../lib/serverless/coordinator/job-status-record.ts'
import type { JobRequest } from '../../../../lib/serverless/protocol.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { NO_FAULTS, type Faults } from '../../../world/faults.ts'
import { MemoryWorld } from '../../../world/memory-world.ts'
import { JobCli } from './job-cli.ts'

export const START_MS = 1_700_000_000_000

/** What the coordinator does with a request, a second at a time: each step is what it publishes then. */
export type Script = (request: JobRequest, at: number) => Step | undefined

export interface Step {
  readonly answer?: JobAnswer
  readonly status?: JobStatus
  readonly also?: Partial<JobStatusRecord>
}

/** A job whose coordinator says what a test has it say; and a command line for it. */
export class ScriptedJob {
  readonly clock = new ManualClock(START_MS)
  readonly world: MemoryWorld = new MemoryWorld({ clock: this.clock })
  readonly asked: JobRequest[] = []
  readonly cli: JobCli
  record: JobStatusRecord | undefined
  onPause: (pauses: number) => void = () => {}
  #script: Script
  #steps = 0
  #pauses = 0
  #version = 0

  constructor(script: Script = () => undefined, options: { terminal?: boolean; faults?: Faults } = {}) {
    this.#script = script
    const { mailbox, log } = this.world.ports({ faults: options.faults ?? NO_FAULTS })
    this.cli = new JobCli({
      clock: this.clock,
      mailbox,
      log,
      pause: (ms) => this.#pause(ms),
      terminal: options.terminal ?? false,
    })
  }

  async publish(record: Partial<JobStatusRecord>): Promise<this> {
    this.record = { ...(this.record ?? RUNNING), updatedAtMs: this.clock.now(), ...record }
    const version = String(++this.#version).padStart(16, '0')
    const body = new TextEncoder().encode(JSON.stringify(this.record))
    await this.world.ports().log.putHead('status' as ActorId, { version, body })
    return this
  }

  async #pause(ms: number): Promise<void> {
    this.clock.advance(ms)
    this.onPause(++this.#pauses)
    const queue = this.world.mailbox.queueFor(COORDINATOR)
    for (const message of queue.receive()) {
      const envelope = decodeEnvelope(message.body)
      if (envelope.kind === 'request') this.asked.push(envelope.payload as JobRequest)
      queue.delete([message.receiptHandle])
    }
    const request = this.asked.at(-1)
    if (request === undefined || !('requestId' in request)) return
    const step = this.#script(request, this.#steps++)
    if (step === undefined) return
    const { answer, status, also } = step
    const answers = this.record?.answers ?? {}
    await this.publish({
      ...also,
      ...(status !== undefined && { status }),
      ...(answer !== undefined && {
        answers: { ...answers, [request.requestId]: { ...answer, atMs: this.clock.now() } },
      }),
    })
  }
}

export function point(checkpointId: number, kind: 'checkpoint' | 'savepoint'): ShownCheckpoint {
  const place = kind === 'savepoint' ? 'savepoints/savepoint-' : 'checkpoints/words/r1/chk-'
  return {
    checkpointId: asCheckpointId(checkpointId),
    kind,
    location: `s3://my-bucket/${place}${checkpointId}`,
    triggeredAtMs: START_MS - 10_000,
    completedAtMs: START_MS - 9_800,
    figures: { alignmentMs: 0, durationMs: 200, bytes: 1_234, fullBytes: 5_000, records: 12 },
  }
}

export const RUNNING: JobStatusRecord = {
  version: 1,
  jobName: 'words',
  status: 'RUNNING',
  runId: 'r1',
  attempt: 3,
  restarts: 2,
  startedAtMs: START_MS - 3_600_000,
  updatedAtMs: START_MS,
  cause: undefined,
  restartAtMs: undefined,
  idle: false,
  restoredFrom: undefined,
  checkpoints: [point(7, 'checkpoint'), point(9, 'checkpoint')],
  lastSavepoint: point(8, 'savepoint'),
  positions: undefined,
  latest: point(9, 'checkpoint'),
  unmaterialized: [],
  shape: {
    fingerprint: 'f',
    vertices: [{ id: 'count', parallelism: 2, operatorUids: ['count'] }],
    edges: [],
  },
  answers: {},
}
