import assert from 'node:assert/strict'
import * as fc from '../../fast-check.ts'
import { describe, expect, it } from 'vitest'
import { coordinate, newCoordinator } from '../../../lib/checkpoint/coordinator.ts'
import type { CoordinatorCommand } from '../../../lib/checkpoint/coordinator-commands.ts'
import type { CoordinatorEvent } from '../../../lib/checkpoint/coordinator-events.ts'
import type { CoordinatorState } from '../../../lib/checkpoint/coordinator-state.ts'
import { isTerminal } from '../../../lib/checkpoint/job-status.ts'
import { asAttempt, asCheckpointId, taskId, type CheckpointId } from '../../../lib/model/ids.ts'
import { CoordinatorChecker } from './coordinator-checker.ts'
import { ACK, checkpointing, START, TASKS } from './coordinator-fixtures.ts'

const QUIET_STEPS_MAX = 400

/** What a step draws: an event made from what the coordinator knows, or one out of the blue. */
interface Draw {
  readonly pick: number
  readonly task: number
  readonly id: number
  readonly attempt: number
  readonly waitMs: number
}

const draw: fc.Arbitrary<Draw> = fc.record({
  pick: fc.nat(999),
  task: fc.nat(TASKS.length),
  id: fc.nat(6),
  attempt: fc.integer({ min: -1, max: 1 }),
  waitMs: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 100, 300, 600),
})

const settings = fc.record(
  {
    checkpointing: fc
      .record(
        {
          intervalMs: fc.constantFrom(undefined, 100, 1_000),
          timeoutMs: fc.constantFrom(500, 10_000),
          minPauseMs: fc.constantFrom(0, 700),
          maxConcurrent: fc.constantFrom(1, 2, 3),
          tolerableFailures: fc.constantFrom(0, 1, Infinity),
          retentionOnCancel: fc.constantFrom('delete' as const, 'retain' as const),
          numRetained: fc.constantFrom(1, 2),
          preferCheckpointForRecovery: fc.boolean(),
        },
        { noNullPrototype: true },
      )
      .map((changes) => checkpointing(changes)),
    pauseWhenIdle: fc.constantFrom(undefined, true),
    deadLetterAfter: fc.constantFrom(undefined, 1, 2),
    restart: fc.constantFrom(
      { type: 'none' as const },
      { type: 'fixed-delay' as const, attempts: 5, delayMs: 300 },
      { type: 'failure-rate' as const, maxFailuresPerInterval: 3, intervalMs: 2_000, delayMs: 0 },
    ),
  },
  { noNullPrototype: true },
)

/** The outside world: clock, requests under way, and what the coordinator ordered and nobody answered yet. */
class World {
  readonly checker: CoordinatorChecker = new CoordinatorChecker()
  readonly asked: string[] = []
  state: CoordinatorState
  nowMs = 50_000
  wakeAtMs: number | undefined
  readonly #orders: CoordinatorCommand[] = []

  constructor(state: CoordinatorState) {
    this.state = state
  }

  send(event: CoordinatorEvent): void {
    const step = coordinate(this.state, event, { nowMs: this.nowMs, random: () => 0.3 })
    const before = this.state
    this.state = step.state
    this.checker.check(before, event, step)
    for (const command of step.commands) {
      this.#orders.push(command)
      if (command.type === 'wake-at') this.wakeAtMs = command.atMs
    }
  }

  draw({ pick, task: taskIndex, id, attempt: shift, waitMs }: Draw): void {
    this.nowMs += waitMs
    const task = TASKS[taskIndex]?.task ?? taskId('nobody', 0)
    const attempt = asAttempt(this.state.attempt + (pick % 7 === 0 ? shift : 0))
    const checkpointId = asCheckpointId(Math.max(1, this.state.nextCheckpointId - id))
    if (pick < 450) this.#acknowledge(checkpointId, pick % 4 === 0, pick % 5 < 2)
    else if (pick < 640) this.#answerOne(pick % 3 === 0)
    else if (pick < 800) this.#wake()
    else if (pick < 850) this.send({ type: 'acknowledge', attempt, checkpointId, task, ack: ACK })
    else if (pick < 865)
      this.send({ type: 'stored', checkpointId: this.#storing() ?? checkpointId, location: 'x' })
    else if (pick < 880)
      this.send({ type: 'store-failed', checkpointId: this.#storing() ?? checkpointId, message: 'full' })
    else if (pick < 890)
      this.send({ type: 'decline', attempt, checkpointId, task, reason: 'task-error', message: 'no' })
    else if (pick < 910) {
      const record = id > 3 ? undefined : { operatorUid: 'count', hash: `${id % 2}` }
      this.send({ type: 'task-failed', attempt, task, cause: { message: 'boom' }, record })
    } else if (pick < 920) this.send({ type: 'input-ended', attempt, task })
    else if (pick < 930) this.send({ type: 'active', attempt, task })
    else if (pick < 955) this.send({ type: 'trigger-savepoint', requestId: this.#ask(), target: undefined })
    else if (pick < 975) this.send({ type: 'trigger-checkpoint', requestId: this.#ask() })
    else if (pick < 981)
      this.send({ type: 'stop', requestId: this.#ask(), target: 't', drain: pick % 2 === 0 })
    else if (pick < 984) this.send({ type: 'suspend' })
    else if (pick < 986) this.send({ type: 'cancel' })
    else if (pick < 992) this.send({ type: 'deployed', attempt })
    else this.send({ type: 'torn-down', attempt })
  }

  /** From here on nothing fails: every order is carried out, every barrier acknowledged, every wake-up comes. */
  quietDown(until: () => boolean): boolean {
    for (let step = 0; step < QUIET_STEPS_MAX; step++) {
      if (until()) return true
      if (this.#answerOne()) continue
      const collecting = this.state.pending.find((pending) => pending.stage === 'collecting')
      if (collecting !== undefined) this.#acknowledge(collecting.checkpointId)
      else if (this.wakeAtMs === undefined) return until()
      else this.#wake()
    }
    return until()
  }

  #wake(): void {
    this.nowMs = Math.max(this.nowMs, this.wakeAtMs ?? 0)
    this.wakeAtMs = undefined
    this.send({ type: 'tick' })
  }

  #ask(): string {
    const requestId = `r${this.asked.length}`
    this.asked.push(requestId)
    return requestId
  }

  #storing() {
    return this.state.pending.find((pending) => pending.stage === 'storing')?.checkpointId
  }

  #acknowledge(checkpointId: CheckpointId, newest = false, active = false): void {
    const { attempt, pending } = this.state
    const collecting = pending.filter((one) => one.stage === 'collecting')
    const chosen = newest ? collecting.at(-1) : collecting[0]
    const id = chosen?.checkpointId ?? checkpointId
    const missing = TASKS.find(({ task }) => !Object.hasOwn(chosen?.acks ?? {}, task)) ?? TASKS[0]!
    const ack = { ...ACK, active }
    this.send({ type: 'acknowledge', attempt, checkpointId: id, task: missing.task, ack })
  }

  /** Does one thing that was ordered, as a runner would. Old orders are answered too, late. */
  #answerOne(newest = false): boolean {
    const command = newest ? this.#orders.pop() : this.#orders.shift()
    if (command === undefined) return false
    if (command.type === 'deploy') this.send({ type: 'deployed', attempt: command.attempt })
    if (command.type === 'tear-down' || command.type === 'finish-tasks') {
      this.send({ type: 'torn-down', attempt: command.attempt })
    }
    if (command.type === 'store') {
      const { checkpointId } = command.pending
      this.send({ type: 'stored', checkpointId, location: `chk-${checkpointId}` })
    }
    return true
  }
}

function play(
  draws: readonly Draw[],
  settingsDrawn: CoordinatorState['settings'],
  needsFinalCommit: boolean,
): World {
  const world = new World(newCoordinator(settingsDrawn))
  world.send({ ...START, needsFinalCommit })
  for (const one of draws) world.draw(one)
  return world
}

const runs = fc.tuple(fc.array(draw, { minLength: 5, maxLength: 250, size: 'max' }), settings, fc.boolean())

/** The shortest story that breaks `holds`, with the seed that plays it again; undefined if none was found. */
function counterexample(numRuns: number, holds: (world: World) => void): string | undefined {
  const property = fc.property(runs, ([draws, drawn, needsFinalCommit]) =>
    holds(play(draws, drawn, needsFinalCommit)),
  )
  return fc.defaultReportMessage(fc.check(property, { numRuns }))
}

function makesProgress({ state }: World, highest: number): boolean {
  if (isTerminal(state.status)) return true
  const checkpoints = state.settings.checkpointing.intervalMs !== undefined
  const completes = !checkpoints || state.idle || (state.committedId ?? 0) >= highest
  return state.status === 'RUNNING' && state.ending === undefined && completes
}

function keepsCheckpoints({ status, settings: { checkpointing: config } }: CoordinatorState): boolean {
  if (status === 'CANCELED') return config.retentionOnCancel === 'retain'
  return status === 'FAILED' || status === 'SUSPENDED'
}

describe('whatever happens, in whatever order', () => {
  it('the invariants of checkpoints and status hold (commit, fencing, completion)', () => {
    expect(counterexample(500, () => {})).toBeUndefined()
  })

  it('a job that is left in peace runs and completes checkpoints, or has ended (liveness)', () => {
    const found = counterexample(300, (world) => {
      const highest = world.state.nextCheckpointId
      assert.ok(
        world.quietDown(() => makesProgress(world, highest)),
        `stuck in ${world.state.status}`,
      )
    })
    expect(found).toBeUndefined()
  })

  it('a cancelled job ends, every request is answered, and only what policy keeps is kept', () => {
    const found = counterexample(300, (world) => {
      world.send({ type: 'cancel' })
      assert.ok(world.quietDown(() => isTerminal(world.state.status)))
      for (const requestId of world.asked) assert.ok(world.checker.answered.has(requestId), requestId)
      assert.ok(keepsCheckpoints(world.state) || world.state.completed.length === 0)
    })
    expect(found).toBeUndefined()
  })
})
