import { canMove } from '../../../lib/checkpoint/job-status.ts'
import type { JobHappening } from '../../../lib/serverless/observe.ts'
import { isExpected, mayFail } from './outcome.ts'

/** Listens to what handlers tell of the job: each thing at least once, after it is committed. */
export class HappeningChecker {
  readonly violations: string[] = []
  readonly #completed = new Set<number>()
  readonly #failed = new Set<number>()
  readonly #triggered = new Set<number>()
  readonly #attempts = new Set<number>()

  get completed(): number {
    return this.#completed.size
  }

  get attempts(): number {
    return this.#attempts.size
  }

  hear(happening: JobHappening): void {
    switch (happening.type) {
      case 'status':
        this.#expect(
          canMove(happening.from, happening.to),
          `the job moves from ${happening.from} to ${happening.to}`,
        )
        this.#expect(
          happening.to !== 'FAILING' || mayFail(happening.cause?.message ?? ''),
          `the job fails: ${happening.cause?.message}`,
        )
        return
      case 'deployed':
        this.#attempts.add(happening.attempt)
        return
      case 'checkpoint-triggered':
        this.#triggered.add(happening.checkpointId)
        return
      case 'checkpoint-completed': {
        const { checkpointId } = happening
        this.#completed.add(checkpointId)
        this.#expect(this.#triggered.has(checkpointId), `checkpoint ${checkpointId} completes untriggered`)
        this.#expect(!this.#failed.has(checkpointId), `checkpoint ${checkpointId} completes after it failed`)
        return
      }
      case 'checkpoint-failed': {
        const { checkpointId } = happening
        this.#failed.add(checkpointId)
        this.#expect(
          !this.#completed.has(checkpointId),
          `checkpoint ${checkpointId} fails after it completed`,
        )
        return
      }
      case 'poison-message':
        this.violations.push(`a message is refused: ${happening.reason}`)
        return
      case 'warning':
        this.#expect(isExpected(happening.message), happening.message)
    }
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds && !this.violations.includes(otherwise)) this.violations.push(otherwise)
  }
}
