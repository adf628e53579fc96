import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  defineJob,
  discard,
  runJob,
  valueState,
  type JobEvent,
  type JobHandle,
  type RunOptions,
} from 'millrace'
import { feed } from './fed-source.ts'

type Completed = Extract<JobEvent, { type: 'checkpoint-completed' }>

/** What is kept for each key. */
export interface Profile {
  readonly visits: number
  readonly minutes: number
  readonly lastPage: string
}

/** A job that keeps a small object for each key, takes no checkpoint by itself, and otherwise does what the benchmark tells it. */
export interface ProfilesJob {
  readonly handle: JobHandle
  /** Writes the state of `keys`; resolves when that is done. */
  update(keys: readonly number[]): Promise<void>
  /** Takes a checkpoint; resolves to what it came to. */
  checkpoint(): Promise<Completed>
}

export async function startProfilesJob(directory: string, options: RunOptions = {}): Promise<ProfilesJob> {
  const keys = feed<number>()
  const sink = discard<number>()
  const definition = defineJob({ name: 'profiles', checkpointing: { interval: '1 h', directory } }, (env) => {
    env
      .source('keys', keys.source)
      .keyBy(keyOf)
      .map('profiles', {
        state: { profile: valueState<Profile>() },
        map(key: number, ctx) {
          ctx.state.profile.update(nextProfile(ctx.state.profile.value(), key))
          return key
        },
      })
      .sinkTo('none', sink)
  })
  const handle = await runJob(definition, options)
  const completed = new Map<number, Completed>()
  const deployed = new Promise<void>((resolve) => {
    handle.onEvent((event) => {
      if (event.type === 'deployed') resolve()
      if (event.type === 'checkpoint-completed') completed.set(event.checkpointId, event)
    })
  })
  await deployed
  return {
    handle,
    async update(changed) {
      const expected = sink.count + changed.length
      keys.push(changed)
      while (sink.count < expected) {
        if (handle.status !== 'RUNNING') throw new Error(`The job is ${handle.status}`)
        await nextTurn()
      }
    },
    async checkpoint() {
      const { checkpointId } = await handle.triggerCheckpoint()
      while (!completed.has(checkpointId)) await nextTurn()
      return completed.get(checkpointId)!
    },
  }
}

export function keyOf(key: number): string {
  return `user-${key}`
}

export function nextProfile(profile: Profile | undefined, key: number): Profile {
  return {
    visits: (profile?.visits ?? 0) + 1,
    minutes: (profile?.minutes ?? 0) + (key % 10),
    lastPage: `/page/${key % 1_000}`,
  }
}
