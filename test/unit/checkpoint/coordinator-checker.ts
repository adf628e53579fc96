import assert from 'node:assert/strict'
import type { CoordinatorStep } from '../../../lib/checkpoint/coordinator.ts'
import type { CoordinatorCommand } from '../../../lib/checkpoint/coordinator-commands.ts'
import type { CoordinatorEvent } from '../../../lib/checkpoint/coordinator-events.ts'
import type { CoordinatorState } from '../../../lib/checkpoint/coordinator-state.ts'
import { canMove, isTerminal } from '../../../lib/checkpoint/job-status.ts'
import type { Attempt, TaskId } from '../../../lib/model/ids.ts'

/** Watches a coordinator from outside, with books of its own, and states what must always be true. */
export class CoordinatorChecker {
  readonly #triggered = new Map<number, { attempt: Attempt; kind: string }>()
  readonly #acks = new Map<number, Set<TaskId>>()
  readonly #aborted = new Set<number>()
  readonly #stored = new Set<number>()
  readonly #stores = new Set<number>()
  readonly #discarded = new Set<number>()
  readonly #answered = new Set<string>()
  /** Tasks that did something since the last barrier that they acknowledged, or have not said that they did not. */
  readonly #busy = new Set<TaskId>()
  /** Failures at records, by their hash. */
  readonly #failures = new Map<string, number>()
  #committedId = 0
  #attempt = 0

  check(before: CoordinatorState, event: CoordinatorEvent, step: CoordinatorStep): void {
    this.#hearEvent(before, event, step)
    for (const command of step.commands) this.#hearCommand(before, command)
    this.#checkState(before, step.state)
    if (
      step.commands.some((command) => command.type === 'discard' && this.#stored.has(command.checkpointId))
    ) {
      const copying = step.state.pending.filter((pending) => pending.kind === 'savepoint')
      assert.deepEqual(copying, [], 'nothing goes while a savepoint may copy from it')
    }
    if (step.outcome !== 'accepted') this.#checkUntouched(before, step)
  }

  #hearEvent(before: CoordinatorState, event: CoordinatorEvent, step: CoordinatorStep): void {
    if (step.outcome !== 'accepted') return
    if (event.type === 'active') this.#busy.add(event.task)
    if (event.type === 'task-failed' && event.record !== undefined) {
      const { hash } = event.record
      this.#failures.set(hash, (this.#failures.get(hash) ?? 0) + 1)
    }
    if (event.type === 'acknowledge') {
      if (event.ack.active === false) this.#busy.delete(event.task)
      else this.#busy.add(event.task)
      assert.equal(event.attempt, before.attempt, 'an acknowledgement counts in its own attempt')
      this.#acks.set(event.checkpointId, (this.#acks.get(event.checkpointId) ?? new Set()).add(event.task))
    }
    if (event.type === 'stored') {
      assert.equal(
        this.#acks.get(event.checkpointId)?.size,
        before.tasks.length,
        'complete only if every task acknowledged',
      )
      assert.equal(this.#aborted.has(event.checkpointId), false, 'what was aborted never completes')
      this.#stored.add(event.checkpointId)
    }
  }

  #hearCommand(before: CoordinatorState, command: CoordinatorCommand): void {
    switch (command.type) {
      case 'trigger': {
        assert.equal(this.#triggered.has(command.checkpointId), false, 'ids are never reused')
        const highest = Math.max(0, ...this.#triggered.keys())
        assert.ok(command.checkpointId > highest, 'ids go up')
        this.#triggered.set(command.checkpointId, command)
        break
      }
      case 'store':
        assert.equal(this.#stores.has(command.pending.checkpointId), false, 'a record is written once')
        assert.equal(Object.keys(command.pending.acks).length, before.tasks.length)
        this.#stores.add(command.pending.checkpointId)
        break
      case 'notify-complete':
        assert.ok(this.#stored.has(command.checkpointId), 'complete means durable')
        assert.equal(this.#aborted.has(command.checkpointId), false)
        assert.equal(
          command.attempt,
          this.#triggered.get(command.checkpointId)!.attempt,
          'only its own attempt is told',
        )
        assert.ok(command.checkpointId > this.#committedId)
        this.#committedId = command.checkpointId
        break
      case 'notify-aborted':
        assert.equal(this.#stored.has(command.checkpointId), false, 'what is complete is not aborted')
        assert.equal(this.#aborted.has(command.checkpointId), false, 'aborted once')
        this.#aborted.add(command.checkpointId)
        break
      case 'discard':
        assert.equal(this.#discarded.has(command.checkpointId), false, 'discarded once')
        this.#discarded.add(command.checkpointId)
        break
      case 'deploy':
        assert.equal(command.attempt, this.#attempt + 1, 'attempts count up by one')
        this.#attempt = command.attempt
        for (const { task } of before.tasks) this.#busy.add(task)
        assert.deepEqual(
          command.poisonRecords.map(({ hash }) => hash).toSorted(),
          this.#poison(before.settings.deadLetterAfter),
          'what failed as often is set aside, and nothing else',
        )
        if (command.restoreFrom !== undefined) {
          const { checkpointId } = command.restoreFrom
          assert.ok(this.#stored.has(checkpointId), 'a restore point is complete')
          assert.equal(this.#discarded.has(checkpointId), false, 'a restore point is still there')
        }
        assert.ok(
          (command.restoreFrom?.checkpointId ?? 0) >= this.#committedId,
          'never before what is committed',
        )
        break
      case 'answer':
        assert.equal(this.#answered.has(command.requestId), false, 'a request is answered once')
        this.#answered.add(command.requestId)
        break
      case 'status':
        assert.ok(canMove(command.from, command.to), `${command.from} to ${command.to}`)
        break
      default:
    }
  }

  #poison(deadLetterAfter = Number.POSITIVE_INFINITY): string[] {
    const failures = [...this.#failures].filter(([, times]) => times >= deadLetterAfter)
    return failures.map(([hash]) => hash).toSorted()
  }

  #checkState(before: CoordinatorState, after: CoordinatorState): void {
    const { maxConcurrent, numRetained } = after.settings.checkpointing
    const checkpoints = after.pending.filter((pending) => pending.kind === 'checkpoint')
    assert.ok(checkpoints.length <= maxConcurrent, 'at most so many at once')
    assert.ok(after.completed.length <= numRetained, 'at most so many retained')
    if (after.status !== 'RUNNING') {
      const collecting = after.pending.filter((pending) => pending.stage === 'collecting')
      assert.deepEqual(collecting, [], `nothing is collected in ${after.status}`)
    }
    for (const pending of after.pending) assert.ok(pending.attempt <= after.attempt)
    for (const completed of after.completed) assert.equal(this.#discarded.has(completed.checkpointId), false)
    if (isTerminal(after.status)) {
      assert.deepEqual(after.pending, [])
      assert.deepEqual(after.condemned, [])
      assert.deepEqual(after.queued, [])
      assert.equal(after.deployment, 'none')
    }
    if (after.idle) {
      assert.equal(this.#busy.size, 0, 'an idle job has no task that does anything')
      const known = new Set(before.pending.map(({ checkpointId }) => checkpointId))
      const added = after.pending.filter(({ checkpointId }) => !known.has(checkpointId))
      assert.ok(
        added.every(({ purpose }) => purpose !== 'periodic'),
        'an idle job takes no periodic checkpoint',
      )
    }
    if (isTerminal(before.status)) assert.equal(after, before, 'the end is the end')
    assert.deepEqual(structuredClone(after), after, 'plain data')
  }

  #checkUntouched(before: CoordinatorState, step: CoordinatorStep): void {
    assert.equal(step.state, before, `${step.outcome} changes nothing`)
    assert.deepEqual(
      step.commands.filter((command) => command.type !== 'answer'),
      [],
    )
  }

  get answered(): ReadonlySet<string> {
    return this.#answered
  }
}
