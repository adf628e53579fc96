import { assert } from '../model/faults.ts'

/** A run's place in a checkpoint store. */
export interface RunAddress {
  readonly jobName: string
  readonly runId: string
}

export const METADATA_NAME = '_metadata'

/**
 * The layout of a checkpoint store:
 *
 *     <job>/<run>/chk-<n>/_metadata      the record of checkpoint n
 *     <job>/<run>/shared/<n>-<owner>-…   a segment, first written for checkpoint n
 *     <job>/<run>/ids/<n>                no id up to n is free; written when nothing else tells
 *     <job>/<run>/attempts/<n>[-<id>]    no attempt up to n is to come; what the run went on from, if not from a checkpoint of its own
 */
export const jobPrefix = (jobName: string): string => `${pathPart(jobName)}/`
export const runDirectory = ({ jobName, runId }: RunAddress): string =>
  `${jobPrefix(jobName)}${pathPart(runId)}`
export const runPrefix = (run: RunAddress): string => `${runDirectory(run)}/`
export const checkpointLocation = (run: RunAddress, id: number): string => `${runPrefix(run)}chk-${id}`
export const metadataName = (location: string): string => `${location}/${METADATA_NAME}`
export const sharedPrefix = (run: RunAddress): string => `${runPrefix(run)}shared/`
export const idMarkers = (run: RunAddress): string => `${runPrefix(run)}ids/`
export const attemptMarkers = (run: RunAddress): string => `${runPrefix(run)}attempts/`
export const attemptMarker = (run: RunAddress, attempt: number, baseId: number | undefined): string =>
  `${attemptMarkers(run)}${attempt}${baseId === undefined ? '' : `-${baseId}`}`
export const idMarker = (run: RunAddress, id: number): string => `${idMarkers(run)}${id}`

/** `name` as one part of a path, on any file system; the same for the same name only. */
export function pathPart(name: string): string {
  assert(name !== '', 'a part of a path has a name')
  // eslint-disable-next-line no-control-regex
  return name.replaceAll(/[\u0000-\u001f"%*/:<>?\\|]|^\.|[. ]$/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** The checkpoint id that a blob's name tells of, if it is one of the layout. */
export function idInName(name: string): number | undefined {
  const match = /\/(?:chk-|ids\/|shared\/)(\d+)(?=[/-]|$)/.exec(name)
  return match === null ? undefined : Number(match[1])
}

/** `location` as users may write it: with `_metadata` or a slash at its end, or without. */
export function normalLocation(location: string): string {
  return location.replace(new RegExp(`/*(?:${METADATA_NAME})?/*$`), '')
}
