import { randomUUID } from 'node:crypto'

import { awsClients } from '../../lib/aws/clients.ts'
import { awsPorts, type AwsPorts } from '../../lib/aws/ports.ts'
import type { JobStatus } from '../../lib/checkpoint/job-status.ts'
import { COORDINATOR } from '../../lib/model/actors.ts'
import { encodeRequest } from '../../lib/serverless/actor/envelope.ts'
import { readJobStatus, type JobStatusRecord } from '../../lib/serverless/coordinator/job-status-record.ts'
import type { JobRequest } from '../../lib/serverless/protocol.ts'
import { cdk } from '../../scripts/local/commands.ts'
import {
  deployToEmulator,
  destroyOnEmulator,
  outputsOf,
  type JobOutputs,
} from '../../scripts/local/deploy-to-emulator.ts'
import { emptyBucket, type Emulator } from './emulator.ts'
import { waitFor } from './wait.ts'

type Asked<Type extends JobRequest['type']> = Omit<Extract<JobRequest, { type: Type }>, 'type' | 'requestId'>

/** Longer than a lost invocation stalls a task, several times over. */
const STATUS_TIMEOUT_MS = 240_000

/** A job on the emulator: its resources, and what can be asked of its coordinator. */
export class DeployedJob {
  readonly emulator: Emulator
  readonly module: string
  readonly outputs: JobOutputs
  readonly #ports: AwsPorts

  private constructor(emulator: Emulator, module: string, outputs: JobOutputs) {
    this.emulator = emulator
    this.module = module
    this.outputs = outputs
    const env = {
      ...emulator.env,
      MILLRACE_JOB: 'e2e',
      MILLRACE_TABLE: outputs.tableName,
      MILLRACE_COORDINATOR_QUEUE_URL: outputs.coordinatorQueueUrl,
    }
    this.#ports = awsPorts({ env, services: awsClients(env) })
  }

  /** Deploys the module, or deploys it anew with other settings. */
  static async deploy(
    emulator: Emulator,
    module: string,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<DeployedJob> {
    const set = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
    const args = set.length === 0 ? [] : ['-c', `set=${set.join(',')}`]
    await deployToEmulator(cdk, { job: module, args, env: emulator.env })
    return new DeployedJob(emulator, module, await outputsOf(module))
  }

  /** Removes what a run that failed has left on the emulator, if anything. */
  static async removeLeftovers(emulator: Emulator, module: string): Promise<void> {
    const outputs = await outputsOf(module).catch(() => undefined)
    if (outputs === undefined) return
    const { Buckets: buckets = [] } = await emulator.s3.listBuckets()
    if (buckets.some(({ Name }) => Name === outputs.bucketName))
      await emptyBucket(emulator, outputs.bucketName)
    await destroyOnEmulator(cdk, module, emulator.env)
  }

  status(): Promise<JobStatusRecord | undefined> {
    return readJobStatus(this.#ports.log)
  }

  waitForStatus(
    what: string,
    holds: (status: JobStatusRecord) => boolean,
    timeoutMs: number = STATUS_TIMEOUT_MS,
  ): Promise<JobStatusRecord> {
    const look = async (): Promise<JobStatusRecord | undefined> => {
      const status = await this.status()
      return status !== undefined && holds(status) ? status : undefined
    }
    return waitFor(what, timeoutMs, look, () => this.status())
  }

  waitUntilIs(status: JobStatus): Promise<JobStatusRecord> {
    return this.waitForStatus(`the job to be ${status}`, (record) => record.status === status)
  }

  /** Asks the coordinator, and waits for its answer. @throws Error if it refuses. */
  async ask<Type extends Exclude<JobRequest['type'], 'tick' | 'visit'>>(
    type: Type,
    rest: Asked<Type>,
  ): Promise<JobStatusRecord> {
    const requestId = randomUUID()
    const body = encodeRequest(COORDINATOR, { type, requestId, ...rest })
    await this.#ports.mailbox.send([{ to: COORDINATOR, deduplicationId: requestId, body }])
    const status = await this.waitForStatus(`an answer to ${type}`, ({ answers }) => requestId in answers)
    const answer = status.answers[requestId]!
    if (answer.type === 'refused') throw new Error(`${type} was refused: ${answer.message}`)
    return status
  }

  /** Removes it, with all that it holds. */
  async destroy(): Promise<void> {
    await emptyBucket(this.emulator, this.outputs.bucketName)
    await destroyOnEmulator(cdk, this.module, this.emulator.env)
  }
}
