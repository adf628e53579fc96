import { IdWindow } from '../../../lib/connectors/ingest/id-window.ts'
import { COORDINATOR } from '../../../lib/model/actors.ts'
import type { Element } from '../../../lib/model/elements.ts'
import type { ActorId } from '../../../lib/model/ids.ts'
import { TwoPhaseCommitSinkOperator } from '../../../lib/operators/two-phase-commit-sink.ts'
import {
  decodeEnvelope,
  encodeEnvelope,
  type ChannelMessage,
} from '../../../lib/serverless/actor/envelope.ts'
import { History } from '../../../lib/serverless/actor/history.ts'
import { Inbox, type Admission } from '../../../lib/serverless/actor/inbox.ts'
import { pack, unpack } from '../../../lib/serverless/actor/packing.ts'
import { COORDINATOR_LIMITS } from '../../../lib/serverless/coordinator/coordinator-limits.ts'
import type { ElementsPayload, Stashed, TaskOrder, TaskReport } from '../../../lib/serverless/protocol.ts'
import type { IncomingMessage } from '../../../lib/serverless/runtime.ts'
import { TaskTurn } from '../../../lib/serverless/task/task-turn.ts'
import { BarrierAligner } from '../../../lib/task/barrier-aligner.ts'
import { Task } from '../../../lib/task/task.ts'
import { WatermarkValve } from '../../../lib/task/watermark-valve.ts'
import { fedByHttp, forked, restarting, upserting } from './bringing-out.ts'
import type { KnownMistake } from './known-mistake.ts'
import type { Mistake } from './run.ts'
import { DistantTable } from './upserts.ts'

// Mistakes in what the code decides.

export const CODE_MISTAKES: readonly KnownMistake[] = [
  {
    name: 'takes a message although one before it is missing',
    from: 1,
    within: 40,
    faults: { failEntry: 0.4 },
    change: forked,
    make: takesGaps,
  },
  {
    name: 'has its coordinator fold what it has just sent',
    from: 6,
    within: 120,
    faults: { failEntry: 0.4 },
    as: 'is kept no more',
    make: foldsOrders,
  },
  { name: 'takes a message twice', from: 1, within: 40, make: takesDuplicates },
  {
    name: 'takes requests twice that it took a while ago',
    from: 1,
    within: 5,
    change: fedByHttp,
    make: forgetsRequests,
  },
  { name: 'takes messages of an attempt that is over', from: 1, within: 60, make: ignoresAttempts },
  {
    name: 'commits transactions at the barrier',
    from: 1,
    within: 60,
    change: restarting,
    make: commitsAtBarrier,
  },
  { name: 'never commits transactions', from: 1, within: 5, make: neverCommits },
  { name: 'does not wait for the barriers of other channels', from: 1, within: 30, make: doesNotAlign },
  { name: 'takes the first barrier for the last', from: 1, within: 30, make: completesEarly },
  {
    name: 'lets a watermark overtake the records before it',
    from: 1,
    within: 60,
    make: letsWatermarksOvertake,
  },
  { name: 'lets what waits move the watermark', from: 1, within: 60, make: letsStashMoveWatermark },
  { name: 'lets the watermark go back', from: 1, within: 60, make: letsWatermarkGoBack },
  { name: 'folds and materializes past the checkpoint', from: 1, within: 60, make: materializesAhead },
  {
    name: 'goes on from where it is, and not from the base that a genesis names',
    from: 1,
    within: 10,
    change: restarting,
    as: 'sink ',
    make: ignoresBases,
  },
  {
    name: 'completes a checkpoint that a task has not acknowledged',
    from: 1,
    within: 10,
    change: restarting,
    as: 'completion: ',
    make: makesUpAcknowledgements,
  },
  {
    name: 'upserts whatever stamp is there',
    from: 1,
    within: 10,
    faults: { lateRow: 0.2, outlive: 1 },
    change: upserting,
    as: 'its last record is',
    make: upsertsWithoutStamps,
  },
]

function patched<T extends object, Name extends keyof T>(
  prototype: T,
  name: Name,
  make: (original: T[Name]) => T[Name],
): () => void {
  const original = prototype[name]
  prototype[name] = make(original)
  return () => {
    prototype[name] = original
  }
}

/** Changes what becomes of a delivery. */
function admitting(change: (admission: Admission, message: ChannelMessage) => Admission): Mistake {
  return {
    patch: () =>
      patched(
        Inbox.prototype,
        'admit',
        (original) =>
          function admit(this: Inbox, envelope) {
            const admission = original.call(this, envelope)
            return envelope.kind === 'message' ? change(admission, envelope) : admission
          },
      ),
  }
}

function takesGaps(): Mistake {
  return admitting((admission, message) =>
    admission.type === 'gap' ? { type: 'input', message } : admission,
  )
}

function takesDuplicates(): Mistake {
  return {
    patch: () =>
      patched(
        Inbox.prototype,
        'admit',
        (original) =>
          function admit(this: Inbox, envelope) {
            const admission = original.call(this, envelope)
            // What is of the present attempt, and dropped all the same, was taken before.
            const isRepeat = envelope.kind === 'message' && admission.type === 'drop' && envelope.attempt > 0
            const { from } = envelope as ChannelMessage
            return isRepeat && from !== COORDINATOR ? { type: 'input', message: envelope } : admission
          },
      ),
  }
}

function foldsOrders(): Mistake {
  return {
    patch: () => {
      const before = { ...COORDINATOR_LIMITS }
      Object.assign(COORDINATOR_LIMITS, { resendWithinMs: 0, milestoneEveryMs: 0 })
      return () => void Object.assign(COORDINATOR_LIMITS, before)
    },
  }
}

function forgetsRequests(): Mistake {
  return { patch: () => patched(IdWindow.prototype, 'holds', () => () => false) }
}

function ignoresAttempts(): Mistake {
  return admitting((admission, message) =>
    admission.type === 'drop' &&
    message.to !== COORDINATOR &&
    message.from !== COORDINATOR &&
    message.sequence === 0
      ? { type: 'input', message }
      : admission,
  )
}

type SinkInternals = { commitUpTo(checkpointId: number): Promise<void> }

function commitsAtBarrier(): Mistake {
  return {
    patch: () =>
      patched(
        TwoPhaseCommitSinkOperator.prototype,
        'prepareBarrier',
        (original) =>
          async function prepareBarrier(this: TwoPhaseCommitSinkOperator, checkpointId) {
            await original.call(this, checkpointId)
            await (this as unknown as SinkInternals).commitUpTo(checkpointId)
          },
      ),
  }
}

function neverCommits(): Mistake {
  return {
    patch: () =>
      patched(TwoPhaseCommitSinkOperator.prototype, 'checkpointComplete', () => () => Promise.resolve()),
  }
}

function doesNotAlign(): Mistake {
  return { patch: () => patched(BarrierAligner.prototype, 'isBlocked', () => () => false) }
}

function completesEarly(): Mistake {
  return {
    patch: () =>
      patched(
        BarrierAligner.prototype,
        'onBarrier',
        (original) =>
          function onBarrier(this: BarrierAligner, channel, checkpointId, nowMs) {
            const outcome = original.call(this, channel, checkpointId, nowMs)
            return outcome.type === 'waiting' && channel === 0
              ? { type: 'complete', alignmentMs: 0 }
              : outcome
          },
      ),
  }
}

/** Changes what reaches a task. */
function receiving<Payload>(change: (payload: Payload, message: ChannelMessage) => Payload): Mistake {
  const changed = ({ messageId, body }: IncomingMessage): IncomingMessage => {
    const envelope = decodeEnvelope(body)
    if (envelope.kind !== 'message' || !('bytes' in envelope.payload)) return { messageId, body }
    const payload = change(unpack(envelope.payload.bytes) as Payload, envelope)
    return { messageId, body: encodeEnvelope({ ...envelope, payload: { bytes: pack(payload) } }) }
  }
  return {
    handlers: (handlers) => ({
      ...handlers,
      operator: (messages, invocation) => handlers.operator(messages.map(changed), invocation),
    }),
  }
}

function isWatermark({ kind }: Element): boolean {
  return kind === 'watermark'
}

function letsWatermarksOvertake(): Mistake {
  return receiving<ElementsPayload | TaskOrder>((payload) => {
    if (payload.type !== 'elements') return payload
    const { elements } = payload
    return {
      ...payload,
      elements: [...elements.filter(isWatermark), ...elements.filter((element) => !isWatermark(element))],
    }
  })
}

type TurnInternals = { keep(stashed: Stashed): void }

/** Of elements that are kept, since their channel is blocked, the watermarks are heard all the same. */
function letsStashMoveWatermark(): Mistake {
  let blocked: { readonly task: Task; readonly channel: number } | undefined
  return {
    patch: () => {
      const unpatch = [
        patched(
          Task.prototype,
          'isBlocked',
          (original) =>
            function isBlocked(this: Task, channel) {
              const isSo = original.call(this, channel)
              blocked = isSo ? { task: this, channel } : undefined
              return isSo
            },
        ),
        patched(
          TaskTurn.prototype as unknown as TurnInternals,
          'keep',
          (original) =>
            function keep(this: TurnInternals, stashed) {
              original.call(this, stashed)
              if (blocked === undefined) return
              const { task, channel } = blocked
              blocked = undefined
              for (const element of stashed.elements as readonly Element[])
                if (isWatermark(element)) void task.accept(channel, element)
            },
        ),
      ]
      return () => {
        for (const one of unpatch) one()
      }
    },
  }
}

type ValveInternals = { onWatermark(channel: number, timestampMs: number): unknown; currentMs: number }

function letsWatermarkGoBack(): Mistake {
  return {
    patch: () =>
      patched(
        WatermarkValve.prototype as unknown as ValveInternals,
        'onWatermark',
        () => (_channel, timestampMs) => ({ watermarkMs: timestampMs, idle: undefined }),
      ),
  }
}

function materializesAhead(): Mistake {
  return receiving<ElementsPayload | TaskOrder>((payload) =>
    payload.type === 'complete' ? { ...payload, restorableFrom: payload.restorableFrom + 4 } : payload,
  )
}

function ignoresBases(): Mistake {
  return {
    patch: () =>
      patched(
        History.prototype,
        'add',
        (original) =>
          function add(this: History<unknown, unknown>, item) {
            const isBased = item.type === 'genesis' && item.genesis.base !== undefined
            if (!isBased) return original.call(this, item)
            return original.call(this, { ...item, genesis: { ...item.genesis, base: this.current.place } })
          },
      ),
  }
}

type Acknowledgement = Extract<TaskReport, { type: 'acknowledge' }>

/** What the coordinator heard of a task. */
interface Heard {
  readonly last: ChannelMessage
  readonly acknowledgement: Acknowledgement | undefined
}

/** The first acknowledgement of a checkpoint is taken for that of another task, too: what it told of the checkpoint before. */
function makesUpAcknowledgements(): Mistake {
  const heardOf = new Map<ActorId, Heard>()
  const madeUpFor = new Set<string>()
  const hear = (message: ChannelMessage): Acknowledgement | undefined => {
    const report = 'bytes' in message.payload ? (unpack(message.payload.bytes) as TaskReport) : undefined
    const before = heardOf.get(message.from)
    const isRepeat = before?.last.attempt === message.attempt && before.last.sequence >= message.sequence
    if (isRepeat || report?.type !== 'acknowledge') {
      if (!isRepeat)
        heardOf.set(message.from, { ...before, last: message, acknowledgement: before?.acknowledgement })
      return undefined
    }
    heardOf.set(message.from, { last: message, acknowledgement: report })
    return report
  }
  const madeUp = ({ from, attempt }: ChannelMessage, checkpointId: number): IncomingMessage | undefined => {
    // The last to report is one that the barrier has not come to.
    const other = [...heardOf].findLast(([task, { last, acknowledgement }]) => {
      const isBehind = acknowledgement !== undefined && acknowledgement.checkpointId < checkpointId
      return task !== from && last.attempt === attempt && isBehind
    })
    const id = `${attempt} ${checkpointId}`
    if (other === undefined || madeUpFor.has(id)) return undefined
    madeUpFor.add(id)
    const [, { last, acknowledgement }] = other
    const payload = { bytes: pack({ ...acknowledgement, checkpointId }) }
    return {
      messageId: `made up for ${id}`,
      body: encodeEnvelope({ ...last, sequence: last.sequence + 1, payload }),
    }
  }
  return {
    handlers: (handlers) => ({
      ...handlers,
      async coordinator(messages, invocation) {
        const all = messages.flatMap((message) => {
          const envelope = decodeEnvelope(message.body)
          const report = envelope.kind === 'message' ? hear(envelope) : undefined
          if (envelope.kind !== 'message' || report === undefined) return [message]
          return [message, madeUp(envelope, report.checkpointId) ?? []].flat()
        })
        const { failed } = await handlers.coordinator(all, invocation)
        return { failed: failed.filter((id) => messages.some(({ messageId }) => messageId === id)) }
      },
    }),
  }
}

function upsertsWithoutStamps(): Mistake {
  let writes = 0
  return {
    patch: () =>
      patched(
        DistantTable.prototype,
        'put',
        (original) =>
          function put(this: DistantTable, item, stamp) {
            // Stamps of different sinks say nothing about each other.
            return original.call(this, item, { ...stamp, sink: `${stamp.sink} ${++writes}` })
          },
      ),
  }
}
