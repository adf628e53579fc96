import type { JobPlan } from '../../../lib/graph/plan.ts'
import { createHandlers, type JobHandlers } from '../../../lib/serverless/handlers.ts'
import { serverlessHttpEdge } from '../../../lib/serverless/ingest/http-edge.ts'
import { ingestSourcesOf } from '../../../lib/connectors/ingest/ingest-sources.ts'
import type { JobObserver } from '../../../lib/serverless/observe.ts'
import type { JobRuntime } from '../../../lib/serverless/runtime.ts'
import type { JobConfig } from '../../../lib/stream/config.ts'
import type { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { SeededRandom } from '../../../lib/testing/seeded-random.ts'
import type { CallLedger } from '../../../test/world/call-ledger.ts'
import { NO_FAULTS, type Faults } from '../../../test/world/faults.ts'
import type { MemoryWorld } from '../../../test/world/memory-world.ts'
import { ASSUMPTIONS, latencyOf } from '../bill/assumptions.ts'
import type { Metered, ProcessorMeter } from './processor-meter.ts'
import type { TracedCall } from './trace.ts'

/** What one invocation did. */
export interface Invocation {
  readonly beganMs: number
  readonly endedMs: number
  /** Complete once the invocation waits for nothing more. */
  readonly processor: Readonly<Metered>
  readonly isCold: boolean
  /** Only where they are asked for. */
  readonly calls: readonly TracedCall[]
}

/** A process that Lambda keeps for a function: one invocation at a time. */
export interface Environment {
  readonly runtime: JobRuntime
  readonly handlers: JobHandlers
  readonly http: ReturnType<typeof serverlessHttpEdge> | undefined
}

export interface EnvironmentParts {
  readonly plan: JobPlan
  readonly config: JobConfig
  readonly clock: ManualClock
  readonly world: MemoryWorld
  readonly ledger: CallLedger
  readonly observe: JobObserver
  readonly meter: ProcessorMeter
  readonly keepsCalls: () => boolean
}

interface Slot {
  readonly environment: Environment
  current: (Metered & { readonly calls: TracedCall[] }) | undefined
}

/** The environments of one function. An invocation takes the one that was free last, whoever it served. */
export class EnvironmentPool {
  readonly #parts: EnvironmentParts
  /** The one that was used last comes last. */
  #free: Slot[] = []
  #made = 0
  #generation = 0
  running = 0

  constructor(parts: EnvironmentParts) {
    this.#parts = parts
  }

  /** Those that are busy now end with what they are doing. */
  drop(): void {
    this.#free = []
    this.#generation++
  }

  async invoke(work: (environment: Environment) => Promise<void>): Promise<Invocation> {
    const { clock, meter } = this.#parts
    this.running++
    const generation = this.#generation
    const free = this.#free.pop()
    const slot = free ?? this.#newSlot()
    const current = { cpuMs: 0, calls: [] as TracedCall[] }
    slot.current = current
    try {
      await until(clock, ASSUMPTIONS.pickUpMs)
      meter.wake(current)
      const beganMs = clock.now()
      await work(slot.environment)
      const { calls } = current
      return { beganMs, endedMs: clock.now(), processor: current, calls, isCold: free === undefined }
    } finally {
      this.running--
      slot.current = undefined
      if (generation === this.#generation) this.#free.push(slot)
    }
  }

  #newSlot(): Slot {
    const { plan, config, clock, world, ledger, observe, meter, keepsCalls } = this.#parts
    const slot: { -readonly [Field in keyof Slot]?: Slot[Field] } = { current: undefined }
    const faults: Faults = {
      ...NO_FAULTS,
      after: async (operation) => {
        const { current } = slot
        const beganMs = clock.now()
        await until(clock, latencyOf(operation.port, operation.name))
        if (current === undefined) return
        if (keepsCalls()) current.calls.push({ ...operation, beganMs, endedMs: clock.now() })
        meter.wake(current)
      },
    }
    const runtime: JobRuntime = {
      plan,
      config,
      now: () => clock.now(),
      random: new SeededRandom(++this.#made),
      observe,
      ...world.ports({ ledger, faults }),
    }
    const hasIngest = ingestSourcesOf(plan).length > 0
    slot.environment = {
      runtime,
      handlers: createHandlers(runtime),
      http: hasIngest ? serverlessHttpEdge(runtime) : undefined,
    }
    return slot as Slot
  }
}

function until(clock: ManualClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(clock.now() + ms, resolve)
  })
}
