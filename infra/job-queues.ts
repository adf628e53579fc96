import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'

import { assert } from '../lib/model/faults.ts'
import { chainPurpose, resourceName } from './job-names.ts'
import { INFRA_LIMITS, visibilityTimeoutSecOf } from './limits.ts'

export interface JobQueuesProps {
  readonly jobName: string
  /** Of the function that the chains share which have none of their own. */
  readonly taskTimeoutSec: number
  /** By the id of a chain that has a queue of its own: the timeout of its function. */
  readonly chainTimeoutsSec: ReadonlyMap<string, number>
  /** Of the queues that hold records which are nowhere else. */
  readonly removalPolicy: RemovalPolicy
}

interface QueueOptions {
  readonly purpose: string
  readonly fifo?: boolean
  /** Of the function that reads it. */
  readonly timeoutSec?: number
  readonly removalPolicy?: RemovalPolicy
  readonly deadLetters?: Queue
  /** A message that was received so often goes to `deadLetters`. */
  readonly receivesMax?: number
}

/**
 * The mailboxes of one job's actors. Most hold only what can be sent again from the actors' logs. `ingest` and
 * `deadLetters` hold records that a client was told are safe: they stay when the stack goes, unless asked otherwise.
 */
export class JobQueues extends Construct {
  readonly tasks: Queue
  readonly coordinator: Queue
  readonly ingest: Queue
  /** By chain id: those with a queue of their own. */
  readonly chains: ReadonlyMap<string, Queue>
  /** What could not be handled, of all the queues above. One for all: a queue that a function reads costs something while idle. */
  readonly deadLetters: Queue
  /** Messages that are delivered later. A standard queue: FIFO queues know no delay of one message. */
  readonly wakeUps: Queue
  /** Nobody reads it: a wake-up that is lost is made good by the minute's tick. */
  readonly lostWakeUps: Queue
  readonly #jobName: string
  readonly #visibilityTimeoutsSec = new Map<Queue, number>()

  constructor(scope: Construct, id: string, props: JobQueuesProps) {
    super(scope, id)
    const { removalPolicy } = props
    this.#jobName = props.jobName
    this.deadLetters = this.#queue('DeadLetters', { purpose: 'dead-letters', fifo: true, removalPolicy })
    const mailbox = { fifo: true, deadLetters: this.deadLetters }
    this.tasks = this.#queue('Tasks', { ...mailbox, purpose: 'tasks', timeoutSec: props.taskTimeoutSec })
    this.coordinator = this.#queue('Coordinator', { ...mailbox, purpose: 'coordinator' })
    const { ingestReceivesMax: receivesMax } = INFRA_LIMITS
    this.ingest = this.#queue('Ingest', { ...mailbox, purpose: 'ingest', removalPolicy, receivesMax })
    this.chains = new Map(
      [...props.chainTimeoutsSec].map(([chain, timeoutSec]) => [
        chain,
        // Named after the chain alone: what other chains ask for leaves it as it is.
        this.#queue(`Chain-${chain}`, { ...mailbox, purpose: chainPurpose(chain), timeoutSec }),
      ]),
    )
    this.lostWakeUps = this.#queue('LostWakeUps', { purpose: 'lost-wake-ups' })
    this.wakeUps = this.#queue('WakeUps', { purpose: 'wake-ups', deadLetters: this.lostWakeUps })
  }

  /** Those that actors are sent messages by. */
  get mailboxes(): readonly Queue[] {
    return [...this.taskQueues, this.coordinator, this.ingest]
  }

  get taskQueues(): readonly Queue[] {
    return [this.tasks, ...this.chains.values()]
  }

  visibilityTimeoutSecOf(queue: Queue): number {
    const timeoutSec = this.#visibilityTimeoutsSec.get(queue)
    assert(timeoutSec !== undefined, `${queue.node.path} is a queue of the job`)
    return timeoutSec
  }

  #queue(id: string, options: QueueOptions): Queue {
    const { purpose, fifo = false, removalPolicy = RemovalPolicy.DESTROY, deadLetters } = options
    const { timeoutSec = INFRA_LIMITS.functionTimeoutSec, receivesMax = INFRA_LIMITS.receivesMax } = options
    const visibilityTimeoutSec = visibilityTimeoutSecOf(timeoutSec)
    const queue = new Queue(this, id, {
      // Said outright: emulators make an unnamed FIFO queue a standard one.
      queueName: `${resourceName(this, this.#jobName, purpose)}${fifo ? '.fifo' : ''}`,
      ...(fifo && {
        fifo: true,
        // High throughput takes both: every group counts for itself.
        deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
        fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      }),
      visibilityTimeout: Duration.seconds(visibilityTimeoutSec),
      retentionPeriod: Duration.days(INFRA_LIMITS.queueRetentionDays),
      maxMessageSizeBytes: INFRA_LIMITS.messageBytesMax,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy,
      ...(deadLetters !== undefined && {
        deadLetterQueue: { queue: deadLetters, maxReceiveCount: receivesMax },
      }),
    })
    this.#visibilityTimeoutsSec.set(queue, visibilityTimeoutSec)
    return queue
  }
}
