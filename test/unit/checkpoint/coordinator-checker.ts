import { expect } from 'vitest'
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
      expect(copying, 'nothing goes while a savepoint may copy from it').toEqual([])
    }
    if (step.outcome !== 'accepted') this.#checkUntouched(before, step)
  }

  #hearEvent(before: CoordinatorState, event: CoordinatorEvent, step: CoordinatorStep): void {
    if (step.outcome !== 'accepted') return
    if (event.type === 'acknowledge') {
      expect(event.attempt, 'an acknowledgement counts in its own attempt').toBe(before.attempt)
      this.#acks.set(event.checkpointId, (this.#acks.get(event.checkpointId) ?? new Set()).add(event.task))
    }
    if (event.type === 'stored') {
      expect(this.#acks.get(event.checkpointId)?.size, 'complete only if every task acknowledged').toBe(
        before.tasks.length,
      )
      expect(this.#aborted.has(event.checkpointId), 'what was aborted never completes').toBe(false)
      this.#stored.add(event.checkpointId)
    }
  }

  #hearCommand(before: CoordinatorState, command: CoordinatorCommand): void {
    switch (command.type) {
      case 'trigger': {
        expect(this.#triggered.has(command.checkpointId), 'ids are never reused').toBe(false)
        const highest = Math.max(0, ...this.#triggered.keys())
        expect(command.checkpointId, 'ids go up').toBeGreaterThan(highest)
        this.#triggered.set(command.checkpointId, command)
        break
      }
      case 'store':
        expect(this.#stores.has(command.pending.checkpointId), 'a record is written once').toBe(false)
        expect(Object.keys(command.pending.acks).length).toBe(before.tasks.length)
        this.#stores.add(command.pending.checkpointId)
        break
      case 'notify-complete':
        expect(this.#stored.has(command.checkpointId), 'complete means durable').toBe(true)
        expect(this.#aborted.has(command.checkpointId)).toBe(false)
        expect(command.attempt, 'only its own attempt is told').toBe(
          this.#triggered.get(command.checkpointId)!.attempt,
        )
        expect(command.checkpointId).toBeGreaterThan(this.#committedId)
        this.#committedId = command.checkpointId
        break
      case 'notify-aborted':
        expect(this.#stored.has(command.checkpointId), 'what is complete is not aborted').toBe(false)
        expect(this.#aborted.has(command.checkpointId), 'aborted once').toBe(false)
        this.#aborted.add(command.checkpointId)
        break
      case 'discard':
        expect(this.#discarded.has(command.checkpointId), 'discarded once').toBe(false)
        this.#discarded.add(command.checkpointId)
        break
      case 'deploy':
        expect(command.attempt, 'attempts count up by one').toBe(this.#attempt + 1)
        this.#attempt = command.attempt
        if (command.restoreFrom !== undefined) {
          const { checkpointId } = command.restoreFrom
          expect(this.#stored.has(checkpointId), 'a restore point is complete').toBe(true)
          expect(this.#discarded.has(checkpointId), 'a restore point is still there').toBe(false)
        }
        expect(
          command.restoreFrom?.checkpointId ?? 0,
          'never before what is committed',
        ).toBeGreaterThanOrEqual(this.#committedId)
        break
      case 'answer':
        expect(this.#answered.has(command.requestId), 'a request is answered once').toBe(false)
        this.#answered.add(command.requestId)
        break
      case 'status':
        expect(canMove(command.from, command.to), `${command.from} to ${command.to}`).toBe(true)
        break
      default:
    }
  }

  #checkState(before: CoordinatorState, after: CoordinatorState): void {
    const { maxConcurrent, numRetained } = after.settings.checkpointing
    const checkpoints = after.pending.filter((pending) => pending.kind === 'checkpoint')
    expect(checkpoints.length, 'at most so many at once').toBeLessThanOrEqual(maxConcurrent)
    expect(after.completed.length, 'at most so many retained').toBeLessThanOrEqual(numRetained)
    if (after.status !== 'RUNNING') {
      const collecting = after.pending.filter((pending) => pending.stage === 'collecting')
      expect(collecting, `nothing is collected in ${after.status}`).toEqual([])
    }
    for (const pending of after.pending) expect(pending.attempt <= after.attempt).toBe(true)
    for (const completed of after.completed) expect(this.#discarded.has(completed.checkpointId)).toBe(false)
    if (isTerminal(after.status)) {
      expect(after.pending).toEqual([])
      expect(after.condemned).toEqual([])
      expect(after.queued).toEqual([])
      expect(after.deployment).toBe('none')
    }
    if (isTerminal(before.status)) expect(after, 'the end is the end').toBe(before)
    expect(structuredClone(after), 'plain data').toEqual(after)
  }

  #checkUntouched(before: CoordinatorState, step: CoordinatorStep): void {
    expect(step.state, `${step.outcome} changes nothing`).toBe(before)
    expect(step.commands.filter((command) => command.type !== 'answer')).toEqual([])
  }

  get answered(): ReadonlySet<string> {
    return this.#answered
  }
}
