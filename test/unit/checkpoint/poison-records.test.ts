import { describe, expect, test } from 'vitest'
import { countFailure, noPoisonRecords } from '../../../lib/checkpoint/poison-records.ts'
import { asAttempt } from '../../../lib/model/ids.ts'
import type { PoisonRecord } from '../../../lib/model/poison-records.ts'
import { START, TestCoordinator } from './coordinator-fixtures.ts'

const identity = (hash: string, operatorUid = 'count') => ({ operatorUid, hash })

class FailingJob {
  readonly #coordinator: TestCoordinator

  constructor(deadLetterAfter?: number) {
    const restart = { type: 'fixed-delay', attempts: 10, delayMs: 0 } as const
    this.#coordinator = new TestCoordinator({}, restart, deadLetterAfter)
    this.#coordinator.send(START)
    this.#coordinator.send({ type: 'deployed', attempt: asAttempt(1) })
  }

  get restarts(): number {
    return this.#coordinator.state.attempt - 1
  }

  /** Fails, and begins the next attempt, which is given these. */
  fail(record?: { operatorUid: string; hash: string }, message = 'boom'): readonly PoisonRecord[] {
    this.#coordinator.failTask(message, record)
    const [deploy] = this.#coordinator.tornDown().filter((command) => command.type === 'deploy')
    this.#coordinator.send({ type: 'deployed', attempt: this.#coordinator.state.attempt })
    return deploy!.poisonRecords
  }
}

describe('a job that fails at a record', () => {
  test('restarts for each failure, and sets the record aside after as many as it allows', () => {
    const job = new FailingJob(3)
    expect(job.fail(identity('a'))).toEqual([])
    expect(job.fail(identity('b'))).toEqual([])
    expect(job.fail(identity('a', 'other'))).toEqual([])
    expect(job.fail(identity('a'))).toEqual([])
    expect(job.fail()).toEqual([])
    const poison = { ...identity('a'), reason: 'the last', position: undefined }
    expect(job.fail(identity('a'), 'the last')).toEqual([poison])
    expect(job.fail(identity('b'))).toEqual([poison])
    expect(job.fail(identity('a'))).toEqual([poison])
    expect(job.restarts).toBe(8)
  })

  test('never does, where it is not told to', () => {
    const job = new FailingJob()
    for (let failure = 0; failure < 5; failure++) expect(job.fail(identity('a'))).toEqual([])
  })
})

test('what is known of failing records is bounded: what is forgotten is counted anew', () => {
  let known = noPoisonRecords
  for (let failure = 0; failure < 1_000; failure++) {
    known = countFailure(known, identity(`once ${failure}`), { message: 'm'.repeat(10_000) }, 2)
    for (let twice = 0; twice < 2; twice++)
      known = countFailure(known, identity(`twice ${failure}`), { message: 'm'.repeat(10_000) }, 2)
  }
  expect(known.suspects.length).toBeLessThanOrEqual(100)
  expect(known.listed).toHaveLength(100)
  expect(known.listed.at(-1)!.hash).toBe('twice 999')
  expect(JSON.stringify(known).length).toBeLessThan(100_000)
})
