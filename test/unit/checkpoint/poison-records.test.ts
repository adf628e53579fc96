import { describe, expect, test } from 'vitest'
import { countFailure, noPoisonRecords } from '../../../lib/checkpoint/poison-records.ts'
import { asAttempt, asCheckpointId } from '../../../lib/model/ids.ts'
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

test('a mistake of the user’s at a record is counted as any failure is; elsewhere it ends the job', () => {
  const job = new TestCoordinator({}, { type: 'fixed-delay', attempts: 10, delayMs: 0 }, 2)
  job.send(START)
  job.send({ type: 'deployed', attempt: asAttempt(1) })
  const cause = { message: 'not plain data', isUserMistake: true }
  const fail = (record?: { operatorUid: string; hash: string }): void => {
    const { attempt } = job.state
    job.send({ type: 'task-failed', attempt, task: undefined, cause, record })
    job.tornDown()
  }
  fail(identity('a'))
  expect(job.state.status).toBe('RESTARTING')
  fail()
  expect(job.state.status).toBe('FAILED')
})

describe('what is known of failing records is bounded', () => {
  const cause = { message: 'm'.repeat(10_000) }
  const rules = { deadLetterAfter: 2, nextCheckpointId: asCheckpointId(7) }

  test('those from before a complete checkpoint are forgotten for others', () => {
    let known = noPoisonRecords
    for (let failure = 0; failure < 1_000; failure++) {
      for (const hash of [`once ${failure}`, `twice ${failure}`, `twice ${failure}`])
        known = countFailure(known, identity(hash), cause, { ...rules, completedId: asCheckpointId(7) })!
    }
    expect(known.suspects.length).toBeLessThanOrEqual(100)
    expect(known.listed).toHaveLength(100)
    expect(known.listed.at(-1)!.hash).toBe('twice 999')
    expect(JSON.stringify(known).length).toBeLessThan(100_000)
  })

  test.each([undefined, asCheckpointId(6)])(
    'others never are, so that the job gets on (%s)',
    (completedId) => {
      let known = noPoisonRecords
      const count = (hash: string) => countFailure(known, identity(hash), cause, { ...rules, completedId })
      for (let record = 0; record < 100; record++)
        for (let failure = 0; failure < 2; failure++) known = count(`${record}`)!
      expect(known.listed).toHaveLength(100)
      known = count('one more')!
      expect(count('one more')).toBeUndefined()
    },
  )

  test('a job that has more ends, and says why', () => {
    const job = new TestCoordinator({}, { type: 'fixed-delay', attempts: 1_000, delayMs: 0 }, 1)
    job.send(START)
    for (let record = 0; record <= 100; record++) {
      job.send({ type: 'deployed', attempt: job.state.attempt })
      expect(job.state.status).toBe('RUNNING')
      job.failTask('boom', identity(`${record}`))
      job.tornDown()
    }
    expect(job.state.status).toBe('FAILED')
    expect(job.state.cause?.notRestartedBecause).toMatch(/^more than 100 records failed as often as/)
  })
})
