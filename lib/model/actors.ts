import { assert } from './faults.ts'
import type { ActorId, TaskId } from './ids.ts'

/** What an actor is: `task:<task id>`, `ingest:<source uid>#<partition>`, `coordinator`. */
export type ActorKind = 'task' | 'ingest' | 'coordinator'

export const COORDINATOR: ActorId = 'coordinator' as ActorId
export const taskActor = (task: TaskId): ActorId => `task:${task}` as ActorId
export const ingestActor = (sourceUid: string, partition: number): ActorId =>
  `ingest:${sourceUid}#${partition}` as ActorId

export function isActorId(value: unknown): value is ActorId {
  return typeof value === 'string' && (value === COORDINATOR || /^(?:task|ingest):/.test(value))
}

export function actorKind(actor: ActorId): ActorKind {
  if (actor === COORDINATOR) return 'coordinator'
  return actor.startsWith('task:') ? 'task' : 'ingest'
}

/** The task that an actor is. */
export function taskOfActor(actor: ActorId): TaskId {
  assert(actor.startsWith('task:'), `${actor} is a task`)
  return actor.slice('task:'.length) as TaskId
}

/** The source and partition that an ingest actor serves. */
export function partitionOfActor(actor: ActorId): { readonly sourceUid: string; readonly partition: number } {
  assert(actor.startsWith('ingest:'), `${actor} is an ingest partition`)
  const at = actor.lastIndexOf('#')
  return { sourceUid: actor.slice('ingest:'.length, at), partition: Number(actor.slice(at + 1)) }
}
