// One run of the job of benchmarks/large-state.ts, in a process with a heap limit of its own.
import { getHeapStatistics } from 'node:v8'
import { defineJob, discard, generator, runJob, valueState, type StateBackendType } from 'millrace'

export interface LargeStateRun {
  readonly backend: StateBackendType
  readonly keys: number
  readonly updates: number
  readonly directory: string
}

export interface LargeStateFigures {
  /** Records a second while keys are created, and while they are updated at random. */
  readonly createdPerSecond: number
  readonly updatedPerSecond: number
  readonly heapLimitMb: number
  readonly peakMemoryMb: number
  readonly checkpoints: number
}

interface Profile {
  readonly updates: number
  readonly payload: string
}

/** Of text in each key's state. */
const PAYLOAD_CHARS = 256
/** Multiplying by an odd number permutes the 32-bit integers: a cheap, even and repeatable spread over the keys. */
const SPREAD = 0x9e37_79b1

const { backend, keys, updates, directory } = JSON.parse(process.argv[2]!) as LargeStateRun
const count = keys + updates
let startedAtMs = 0
let createdAtMs = 0
let checkpoints = 0

const job = defineJob(
  {
    name: 'large-state',
    checkpointing: { interval: '10 s', directory: `${directory}/checkpoints` },
    stateBackend: backend === 'lmdb' ? { type: backend, directory: `${directory}/state` } : backend,
  },
  (env) => {
    env
      .source('keys', generator({ count, generate: keyAt }))
      .keyBy((key) => key)
      .process('profiles', {
        state: { profile: valueState<Profile>() },
        processElement(key, ctx) {
          const profile = ctx.state.profile.value()
          const next =
            profile === undefined
              ? { updates: 0, payload: `${key}`.padStart(PAYLOAD_CHARS, '.') }
              : { updates: profile.updates + 1, payload: profile.payload }
          ctx.state.profile.update(next)
        },
      })
      .sinkTo('none', discard())
  },
)
const handle = await runJob(job)
handle.onEvent((event) => {
  if (event.type === 'checkpoint-completed') checkpoints++
})
const { status, cause } = await handle.result
const endedAtMs = performance.now()
if (status !== 'FINISHED') throw new Error(`The job ended as ${status}`, { cause })
const figures: LargeStateFigures = {
  createdPerSecond: (keys / (createdAtMs - startedAtMs)) * 1_000,
  updatedPerSecond: (updates / (endedAtMs - createdAtMs)) * 1_000,
  heapLimitMb: Math.round(getHeapStatistics().heap_size_limit / 2 ** 20),
  peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1_024),
  checkpoints,
}
process.send!(figures, () => process.disconnect())

/** Every key once; then keys at random, each equally likely. */
function keyAt(index: number): number {
  if (index === 0) startedAtMs = performance.now()
  if (index < keys) return index
  if (index === keys) createdAtMs = performance.now()
  return (Math.imul(index, SPREAD) >>> 0) % keys
}
