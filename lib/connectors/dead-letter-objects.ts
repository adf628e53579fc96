import { assert } from '../model/faults.ts'
import type { SinkContext, TwoPhaseCommitSink, TwoPhaseCommitter } from '../stream/sink.ts'
import type { DeadLetter } from '../stream/source.ts'
import { deadLettersOfThisPlace } from './dead-letter-transactions.ts'
import { lineFormatter } from './line-format.ts'
import { ObjectCommitter, type ObjectTransaction } from './object-committer.ts'

const KIND = 'deadLetterObjects'
/** Beside what the function for messages that nobody could handle keeps there (lib/serverless/relay/keep-dead-letters.ts). */
const FOLDER = 'dead-letters/'
/** Dead letters are few; an object is put together in memory when it is published. */
const ROLL_OVER_BYTES = 16 * 1024 * 1024

/** Where those of one operator are. */
export function deadLetterFolder(operatorUid: string): string {
  return `${FOLDER}${operatorUid}/`
}

/**
 * Keeps an operator's dead letters as JSON lines in the job's own objects, `dead-letters/<uid>/part-….jsonl`, exactly-once,
 * as `s3Files` writes them. It needs a runtime that has such objects.
 */
export function deadLetterObjects(
  operatorUid: string,
  commits: 'with-checkpoints' | 'each-turn',
): TwoPhaseCommitSink<DeadLetter, ObjectTransaction> {
  return {
    type: 'two-phase-commit',
    kind: KIND,
    commits,
    createCommitter: (ctx) => committerOf(operatorUid, ctx),
  }
}

function committerOf(
  operatorUid: string,
  ctx: SinkContext,
): TwoPhaseCommitter<DeadLetter, ObjectTransaction> {
  const { jobObjects } = ctx
  assert(jobObjects !== undefined, `${KIND} runs where the job has objects of its own`)
  const { store, random } = jobObjects
  const options = {
    subject: `Dead letters of '${operatorUid}'`,
    // By which a transaction that came with a savepoint from elsewhere is told.
    bucket: store.location,
    prefix: deadLetterFolder(operatorUid),
    suffix: '.jsonl',
    rollOverBytes: ROLL_OVER_BYTES,
    stagingPrefix: `${FOLDER}.staging/`,
    format: lineFormatter<DeadLetter>('json'),
  }
  return deadLettersOfThisPlace(
    new ObjectCommitter(options, ctx, { objects: () => store, random }),
    ctx,
    ({ bucket }) => bucket === store.location,
  )
}
